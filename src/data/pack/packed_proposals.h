#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include "pcnet/data/pack/pack.h"
#include "pcnet/image/rle.h"

namespace pcnet::data {

/// A picture's proposals as a record of a pack: their COCO strings, then their grid, a bit a cell.
/// @param grid [P, h, w] uint8 of 0 and 1; planes behind the proposals are all zero, and left out
std::string encode_proposals(const std::vector<image::Rle>& masks, const at::Tensor& grid);

std::vector<image::Rle> decode_proposals(std::string_view record, std::int64_t height,
                                         std::int64_t width);
/// [P, h, w] by the key's grid. An empty record is a picture without proposals.
at::Tensor decode_grid(std::string_view record, const PackKey& key);

}  // namespace pcnet::data
