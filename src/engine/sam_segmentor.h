#pragma once

#include <memory>

#include "pcnet/engine/segmentor.h"

namespace pcnet::engine {

/// Segment Anything behind a click: at the peak, or at a point of the ground truth. All clicks on
/// an image are decoded together.
std::unique_ptr<Segmentor> make_sam_segmentor(const config::EvalOptions& options,
                                              c10::Device device);

}  // namespace pcnet::engine
