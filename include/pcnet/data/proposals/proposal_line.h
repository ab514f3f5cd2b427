#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pcnet/image/rle.h"

namespace pcnet::data {

/// The picture that a line of ours is of, as far as the line says it.
struct ProposedPicture {
  std::string file_name;
  std::string digest;  ///< of the file
};

/// A line of proposals.jsonl (docs/formats.md#proposals), without its end, with COCO's RLEs, areas
/// and boxes.
std::string proposal_line(std::int64_t image_id, const ProposedPicture& picture,
                          const std::vector<image::Rle>& masks);

}  // namespace pcnet::data
