#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pcnet/data/annotations/refer_index.h"
#include "pcnet/image/picture.h"

#include "refer_parts.h"

namespace pcnet::data {

/// One line of `annotations.jsonl` (docs/custom_data.md).
struct CustomLine {
  std::size_t number = 0;  ///< of the line, from 1
  std::string image;       ///< relative to the file, in its shortest form
  std::string object;      ///< joins lines of one picture; empty: an object of its own
  std::string split = "train";
  std::vector<Sentence> sentences;  ///< texts and cues, without ids
  std::optional<image::PictureSize> size;
  std::optional<std::array<double, 4>> box;
  Annotation mask;                          ///< its polygons or RLEs alone
  std::string mask_png;                     ///< a picture of the mask, relative to the file
  std::optional<EntryFault> outline_fault;  ///< what is wrong with mask or box
};

/// EntryFault for broken JSON, an unknown key, a missing or ill-typed one but for mask and box.
CustomLine parse_custom_line(std::string_view text, std::size_t number);

}  // namespace pcnet::data
