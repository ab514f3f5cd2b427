#pragma once

#include <string>
#include <vector>

#include "pcnet/core/random.h"
#include "pcnet/synth/recipe.h"
#include "pcnet/synth/scene.h"

namespace pcnet::synth {

/// Captions of random objects in the long language, one to three facts each: true but not unique,
/// without held-out combinations in any split. One that says a direction is, turned round
/// (text::turned), true of no object.
std::vector<std::string> make_long_captions(const Scene& scene, const Recipe& recipe,
                                            core::Rng& rng);

}  // namespace pcnet::synth
