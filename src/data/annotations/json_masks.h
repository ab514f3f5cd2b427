#pragma once

#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "pcnet/image/rle.h"

namespace pcnet::data {

/// The mask of {"size": [h, w], "counts": COCO's string or a list of runs}, whose runs fill it.
/// Error when it is none.
image::Rle read_rle(const nlohmann::json& mask);

}  // namespace pcnet::data
