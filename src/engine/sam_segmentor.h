#pragma once

#include <memory>

#include "pcnet/config/eval_choices.h"
#include "pcnet/engine/segmentor.h"
#include "pcnet/sam/predictor.h"

namespace pcnet::engine {

/// Segment Anything behind a click: at the peak, or at a point of the ground truth. All clicks on
/// an image are decoded together.
std::unique_ptr<Segmentor> make_sam_segmentor(const config::EvalOptions& options,
                                              c10::Device device);

/// The mask that a rule takes of what Segment Anything decodes at one prompt, logits [k, ..] and
/// predicted IoU [k] float32 on the CPU. Error, which names the file of its weights, for a
/// predicted IoU that is not finite.
image::Mask choose_mask(const sam::MaskDecoderImpl::Masks& decoded, const sam::Frame& frame,
                        config::SamMask rule, const std::string& weights);

}  // namespace pcnet::engine
