#pragma once

#include <vector>

#include <nlohmann/json.hpp>

#include "pcnet/config/mask_generator_options.h"
#include "pcnet/proposals/mask_generator.h"

namespace pcnet::parity {

/// The mask generator's settings of a case of the Python scripts.
config::MaskGeneratorOptions generator_options(const nlohmann::json& item);

/// Masks as segment-anything gives them in its output mode coco_rle.
nlohmann::json records_of(const std::vector<proposals::GeneratedMask>& masks);

}  // namespace pcnet::parity
