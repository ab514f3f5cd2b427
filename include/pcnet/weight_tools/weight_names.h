#pragma once

#include <map>
#include <string>
#include <vector>

#include "pcnet/clip/weights.h"
#include "pcnet/weights/state_dict.h"

namespace pcnet::weight_tools {

/// Where a tensor belongs, for a person: "image encoder", "text encoder", "attn_fusion", …
std::string part_of(const std::string& name, weights::Layout layout);

/// Not learned: batch norm's statistics, the directions of SAM's places.
bool is_buffer(const std::string& name);

/// The names of a layout beside the encoders' (docs/method.md#names-of-released-checkpoints).
std::vector<std::string> head_names(weights::Layout layout);

/// How a state dict fits a layout with these encoders: all names, and the shapes of the encoders
/// (those of the heads follow from the common width). Of our own runs the heads are what they are.
weights::Fit fit_of(const weights::StateDict& state, weights::Layout layout,
                    const clip::Architecture& encoders);

/// The name in safetensors ("F16") and the command line ("f16").
std::string dtype_name(at::ScalarType type);

}  // namespace pcnet::weight_tools
