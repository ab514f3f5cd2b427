#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pcnet/image/picture.h"
#include "pcnet/image/rle.h"
#include "pcnet/synth/expressions.h"
#include "pcnet/synth/recipe.h"
#include "pcnet/synth/scene.h"

namespace pcnet::synth {

/// One picture with all that is said of it.
struct Sample {
  Scene scene;
  image::Picture picture;
  std::string picture_digest;           // of its file, once it is written
  std::vector<Expression> expressions;  // at least one
  std::vector<std::string> captions;
  std::vector<image::Rle> proposals;
};

/// The picture number `index` of the benchmark with this seed; nothing else decides it.
Sample make_sample(const Recipe& recipe, std::uint64_t seed, std::int64_t index);

}  // namespace pcnet::synth
