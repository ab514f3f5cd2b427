#include "pcnet/synth/captions.h"

#include "pcnet/synth/expressions.h"
#include "pcnet/synth/long_captions.h"

namespace pcnet::synth {

namespace {

constexpr double kWithHalf = 0.35;
constexpr double kWithNeighbour = 0.10;
constexpr double kOffMiddle = 4.0;  // least distance from the middle for a half to be named, px

unsigned random_subset(const Recipe& recipe, core::Rng& rng) {
  std::vector<unsigned> bits = {1U, 4U};
  if (recipe.patterns) bits.push_back(2U);
  rng.shuffle(bits);
  const auto said = 1 + rng.below(bits.size());
  unsigned subset = 0;
  for (std::size_t i = 0; i < said; ++i) subset |= bits[i];
  return subset;
}

std::string half(const Scene& scene, const Object& object) {
  const double step = object.x - 0.5 * scene.side;
  if (step <= -kOffMiddle) return " on the left";
  if (step >= kOffMiddle) return " on the right";
  return "";
}

std::string beside(const Scene& scene, std::size_t index, core::Rng& rng) {
  if (scene.objects.size() < 2) return "";
  const auto step = 1 + rng.below(scene.objects.size() - 1);
  const Object& neighbour = scene.objects[(index + step) % scene.objects.size()];
  const double apart = neighbour.x - scene.objects[index].x;
  const std::string what = phrase_of(neighbour.attributes, 1).words();
  if (apart >= kClearMargin) return " left of the " + what;
  if (apart <= -kClearMargin) return " right of the " + what;
  return "";
}

}  // namespace

std::vector<std::string> make_captions(const Scene& scene, const Recipe& recipe, core::Rng& rng) {
  if (recipe.language == Language::kLong) return make_long_captions(scene, recipe, rng);
  std::vector<std::string> captions;
  for (int i = 0; i < kCaptionsPerPicture; ++i) {
    const auto index = static_cast<std::size_t>(rng.below(scene.objects.size()));
    const Object& object = scene.objects[index];
    std::string text = "a " + phrase_of(object.attributes, random_subset(recipe, rng)).words();
    const double extra = rng.uniform();
    if (extra < kWithHalf) {
      text += half(scene, object);
    } else if (extra < kWithHalf + kWithNeighbour) {
      text += beside(scene, index, rng);
    }
    captions.push_back(text);
  }
  return captions;
}

}  // namespace pcnet::synth
