#pragma once

#include "pcnet/core/random.h"
#include "pcnet/image/picture.h"
#include "pcnet/synth/scene.h"

namespace pcnet::synth {

/// Draws the scene: a grey background with noise and a light gradient (bright at the top, warm on
/// the left, cool on the right), and each object on exactly the pixels of its mask. The random
/// numbers drawn do not depend on the objects, so that two scenes differ only where objects are.
image::Picture draw(const Scene& scene, core::Rng& rng);

}  // namespace pcnet::synth
