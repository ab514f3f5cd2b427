#include "pcnet/synth/sample.h"

#include "pcnet/core/random.h"
#include "pcnet/synth/captions.h"
#include "pcnet/synth/drawing.h"
#include "pcnet/synth/proposals.h"

namespace pcnet::synth {

namespace {

// A stream of its own for each part, so that a change of one part leaves the others as they are.
enum Stream : std::uint64_t { kScene = 1, kExpressions, kDrawing, kCaptions, kProposals };

}  // namespace

Sample make_sample(const Recipe& recipe, std::uint64_t seed, std::int64_t index) {
  const auto number = static_cast<std::uint64_t>(index);
  Sample sample;
  // A picture of which nothing can be said is drawn anew.
  for (std::uint64_t attempt = 0; sample.expressions.empty(); ++attempt) {
    core::Rng scene_rng({seed, number, kScene, attempt});
    core::Rng expression_rng({seed, number, kExpressions, attempt});
    sample.scene = make_scene(recipe, scene_rng);
    sample.expressions = make_expressions(sample.scene, recipe, expression_rng);
  }
  core::Rng drawing_rng({seed, number, kDrawing});
  core::Rng caption_rng({seed, number, kCaptions});
  core::Rng proposal_rng({seed, number, kProposals});
  sample.picture = draw(sample.scene, drawing_rng);
  sample.captions = make_captions(sample.scene, recipe, caption_rng);
  for (const image::Mask& mask : make_proposals(sample.scene, proposal_rng)) {
    sample.proposals.push_back(image::encode(mask));
  }
  return sample;
}

}  // namespace pcnet::synth
