#pragma once

#include <span>
#include <vector>

#include "pcnet/config/mask_generator_options.h"
#include "pcnet/proposals/mask_generator.h"

#include "crops.h"

namespace pcnet::proposals {

/// The masks of clicks on a crop that pass the generator's filters, click by click. Masks are made
/// one at a time on each of as many threads as LibTorch has.
/// @param height, width of the whole picture
std::vector<GeneratedMask> masks_of_clicks(const ClickMasks& answers, std::span<const Point> points,
                                           const Crop& crop, std::int64_t height,
                                           std::int64_t width,
                                           const config::MaskGeneratorOptions& options);

}  // namespace pcnet::proposals
