#pragma once

#include "pcnet/config/model_options.h"

namespace pcnet::support {

/// Encoders with every part of CLIP's, small enough for a test: 32 px pictures become 2 x 2 cells
/// of 128 channels.
inline config::ClipOptions tiny_clip() { return config::clip_architecture("tiny"); }

inline config::ModelOptions tiny_model() {
  config::ModelOptions options;
  options.width = 6;
  options.clip = tiny_clip();
  return options;
}

}  // namespace pcnet::support
