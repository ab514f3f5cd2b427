#pragma once

#include <string>
#include <vector>

#include "pcnet/core/random.h"
#include "pcnet/synth/recipe.h"
#include "pcnet/synth/scene.h"

namespace pcnet::synth {

inline constexpr int kCaptionsPerPicture = 12;

/// Captions of random objects, true but not unique: "a large red star on the left". They teach
/// the words before the referring task starts (the warm start).
std::vector<std::string> make_captions(const Scene& scene, const Recipe& recipe, core::Rng& rng);

}  // namespace pcnet::synth
