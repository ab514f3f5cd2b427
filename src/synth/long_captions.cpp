#include "pcnet/synth/long_captions.h"

#include <algorithm>

#include "pcnet/synth/captions.h"
#include "pcnet/synth/expressions.h"
#include "pcnet/synth/facts.h"
#include "pcnet/synth/wording.h"

namespace pcnet::synth {

namespace {

constexpr double kWithPlace = 0.35;
constexpr double kWithRelation = 0.3;
constexpr std::size_t kMostFacts = 3;

// One to three facts: attributes, one of them perhaps in favour of a place or a relation.
std::vector<Fact> draw_caption(const std::vector<Fact>& facts, core::Rng& rng) {
  std::vector<Fact> attributes;
  std::vector<Fact> places;
  std::vector<Fact> relations;
  for (const Fact& fact : facts) {
    (fact.is_attribute()             ? attributes
     : fact.kind == FactKind::kPlace ? places
                                     : relations)
        .push_back(fact);
  }
  rng.shuffle(attributes);
  std::vector<Fact> drawn;
  const double extra = rng.uniform();
  const std::vector<Fact>& clauses = extra < kWithPlace ? places : relations;
  if (extra < kWithPlace + kWithRelation && !clauses.empty()) drawn.push_back(rng.pick(clauses));
  const std::size_t room = std::min(kMostFacts - drawn.size(), attributes.size());
  const auto said = static_cast<std::ptrdiff_t>(1 + rng.below(room));
  drawn.insert(drawn.end(), attributes.begin(), attributes.begin() + said);
  return drawn;
}

bool is_true_of_any(const Scene& scene, Shape noun, const std::vector<Fact>& facts) {
  for (std::size_t i = 0; i < scene.objects.size(); ++i) {
    if (scene.objects[i].attributes.shape != noun) continue;
    if (std::all_of(facts.begin(), facts.end(),
                    [&](const Fact& fact) { return truth(scene, i, fact) != Truth::kFalse; })) {
      return true;
    }
  }
  return false;
}

// Whether a direction is said that could as well be turned round.
bool is_true_turned(const Scene& scene, Shape noun, std::vector<Fact> facts) {
  bool said = false;
  for (Fact& fact : facts) {
    if (fact.is_attribute()) continue;
    said = true;
    fact.direction = opposite(fact.direction);
  }
  return said && is_true_of_any(scene, noun, facts);
}

}  // namespace

std::vector<std::string> make_long_captions(const Scene& scene, const Recipe& recipe,
                                            core::Rng& rng) {
  Recipe seen = recipe;
  seen.unseen = false;
  std::vector<std::vector<Fact>> facts_of(scene.objects.size());
  for (std::size_t i = 0; i < facts_of.size(); ++i) facts_of[i] = true_facts(scene, i, seen, rng);
  std::vector<std::string> captions;
  while (captions.size() < kCaptionsPerPicture) {
    const auto object = static_cast<std::size_t>(rng.below(scene.objects.size()));
    const Shape noun = scene.objects[object].attributes.shape;
    const std::vector<Fact> facts = draw_caption(facts_of[object], rng);
    if (is_true_turned(scene, noun, facts)) continue;
    std::string text = put_into_words("a", noun, facts, rng).text;
    if (split_words(text).size() <= kMostWords) captions.push_back(std::move(text));
  }
  return captions;
}

}  // namespace pcnet::synth
