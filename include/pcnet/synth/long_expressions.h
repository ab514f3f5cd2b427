#pragma once

#include <vector>

#include "pcnet/core/random.h"
#include "pcnet/synth/expressions.h"
#include "pcnet/synth/recipe.h"
#include "pcnet/synth/scene.h"

namespace pcnet::synth {

/// Sentences of 8 to 14 words that say three or four facts, each true of exactly one object,
/// grouped by object in the scene's order. What rules out no look-alike is mostly left out.
std::vector<Expression> make_long_expressions(const Scene& scene, const Recipe& recipe,
                                              core::Rng& rng);

}  // namespace pcnet::synth
