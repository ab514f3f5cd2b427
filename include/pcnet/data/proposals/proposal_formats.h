#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <ATen/core/Tensor.h>

#include "pcnet/data/proposals/proposal_filter.h"
#include "pcnet/data/proposals/proposal_line.h"
#include "pcnet/image/rle.h"

/// The formats of proposal files, from their text; `name` names the file in errors, which say in
/// which line or entry the fault is.
namespace pcnet::data {

/// Where in a file the line of a picture is.
struct LineSpan {
  std::size_t begin = 0;
  std::size_t size = 0;
  std::size_t number = 0;  ///< from 1
};

/// Finds the lines of our JSON-lines file by their image_id; lines {"format": "pcnet-proposals",
/// ...}, the heads of files that were put together, are none of them. They are read whole only when
/// asked for: a fault behind the image_id is found by parse_proposal_line.
std::unordered_map<std::int64_t, LineSpan> index_proposal_lines(std::string_view text,
                                                                std::string_view name);
/// The proposals of one line; `name` names file and line.
std::vector<ScoredProposal> parse_proposal_line(std::string_view line, std::string_view name,
                                                ProposedPicture* picture = nullptr);

/// SAM's automatic mask generator: a list of {segmentation, predicted_iou, stability_score, ...}.
std::vector<ScoredProposal> parse_sam_json(std::string_view text, std::string_view name);

/// A row of `metadata.csv` in SAM's folder of PNG files.
struct SamMetadata {
  std::int64_t id = 0;  ///< the mask is `<id>.png`
  double predicted_iou = 0;
  double stability = 0;
};
std::vector<SamMetadata> parse_sam_metadata(std::string_view text, std::string_view name);

/// FreeSOLO's document {images, annotations} or COCO's plain list of results: the proposals by its
/// image_id, and the pictures' file names where it has them.
struct FreesoloDocument {
  std::unordered_map<std::int64_t, std::vector<ScoredProposal>> proposals;
  std::unordered_map<std::int64_t, std::string> file_names;
};
FreesoloDocument parse_freesolo(std::string_view text, std::string_view name);

/// The masks of an array [P, h, w]: what is not 0 in bool and uint8, above one half in a float
/// type. All-zero planes are padding and left out.
std::vector<image::Rle> masks_of_array(const at::Tensor& array, std::string_view name);

}  // namespace pcnet::data
