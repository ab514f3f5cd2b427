#pragma once

#include <cstddef>
#include <vector>

#include "pcnet/core/random.h"
#include "pcnet/image/picture.h"
#include "pcnet/synth/scene.h"

namespace pcnet::synth {

inline constexpr std::size_t kMostProposals = 20;

/// Mask proposals as a segmentor without labels would give them, largest first: slightly wrong
/// object masks, halves, merged pairs and background segments. No two overlap by more than an
/// IoU of 0.8; none is empty.
std::vector<image::Mask> make_proposals(const Scene& scene, core::Rng& rng);

}  // namespace pcnet::synth
