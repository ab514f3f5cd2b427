#pragma once

#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "pcnet/image/rle.h"

namespace pcnet::data {

/// The mask of {"size": [h, w], "counts": COCO string or list of runs}. Error when it is none.
image::Rle read_mask(const nlohmann::json& segmentation);

}  // namespace pcnet::data
