#pragma once

#include "pcnet/config/profiles.h"

namespace pcnet::support {

/// Encoders with every part of CLIP's, small enough for a test: 32 px pictures become 2 x 2 cells
/// of 128 channels.
inline config::ClipOptions tiny_clip() { return config::clip_architecture("tiny"); }

/// The model of a profile with such encoders.
inline config::ModelOptions tiny_model(
    config::Choice<config::Profile> profile = config::Profile::kPaper) {
  config::ModelOptions options = config::profile_values(profile).model;
  options.width = 6;
  options.clip = tiny_clip();
  return options;
}

}  // namespace pcnet::support
