#pragma once

#include "pcnet/config/model_options.h"

namespace pcnet::support {

/// Encoders with every part of CLIP's, small enough for a test: 32 px pictures become 2 x 2 cells
/// of 128 channels.
inline config::ClipOptions tiny_clip() {
  config::ClipOptions options;
  options.visual = {.layers = {1, 1, 1},
                    .strides = {1, 2, 2},
                    .width = 8,
                    .heads = 4,
                    .output_dim = 12,
                    .resolution = 32};
  options.text = {.width = 8, .heads = 2, .layers = 2, .context_length = 9, .output_dim = 12};
  return options;
}

inline config::ModelOptions tiny_model() {
  config::ModelOptions options;
  options.width = 6;
  options.clip = tiny_clip();
  return options;
}

}  // namespace pcnet::support
