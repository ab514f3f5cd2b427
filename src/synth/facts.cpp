#include "pcnet/synth/facts.h"

#include <algorithm>
#include <array>

#include "pcnet/synth/expressions.h"

namespace pcnet::synth {

namespace {

constexpr std::array<Direction, 4> kDirections = {Direction::kLeft, Direction::kRight,
                                                  Direction::kAbove, Direction::kBelow};
constexpr double kDefinite = 0.65;       // "the" where it may be said
constexpr double kLooseLandmark = 0.25;  // one with too many or too few attributes is kept

Truth of_distance(double distance, double margin) {
  if (distance >= margin) return Truth::kTrue;
  return distance <= -margin ? Truth::kFalse : Truth::kUnclear;
}

// How far (x, y) lies in the direction from the origin.
double along(Direction direction, double x, double y) {
  switch (direction) {
    case Direction::kLeft:
      return -x;
    case Direction::kRight:
      return x;
    case Direction::kAbove:
      return -y;
    case Direction::kBelow:
      break;
  }
  return y;
}

Colour held_out_colour(Shape shape) {
  return static_cast<Colour>(static_cast<std::size_t>(shape) + 1);
}

// Every shape but the circle has one.
bool is_held_out_pattern(Shape shape, Pattern pattern) {
  return static_cast<std::size_t>(shape) + static_cast<std::size_t>(pattern) == 4;
}

bool is_held_out_phrase(const Phrase& phrase) {
  return (phrase.colour && *phrase.colour == held_out_colour(phrase.shape)) ||
         (phrase.pattern && is_held_out_pattern(phrase.shape, *phrase.pattern));
}

// Whether no attribute of the phrase is missing or too many to tell the object from all others.
bool tells_exactly(const Scene& scene, const Attributes& attributes, unsigned subset) {
  if (matching(scene, phrase_of(attributes, subset)).size() != 1) return false;
  for (const unsigned bit : {1U, 2U, 4U}) {
    if ((subset & bit) == 0) continue;
    if (matching(scene, phrase_of(attributes, subset & ~bit)).size() == 1) return false;
  }
  return true;
}

// Neighbours in clear directions, as landmarks whose phrase the object itself does not match.
void add_relations(const Scene& scene, std::size_t object, const Recipe& recipe, core::Rng& rng,
                   std::vector<Fact>& facts) {
  for (std::size_t other = 0; other < scene.objects.size(); ++other) {
    if (other == object) continue;
    const Attributes& attributes = scene.objects[other].attributes;
    for (unsigned subset = 0; subset < 8; ++subset) {
      if (!recipe.patterns && (subset & 2U) != 0) continue;
      const Phrase phrase = phrase_of(attributes, subset);
      if (phrase.matches(scene.objects[object].attributes)) continue;
      if (!tells_exactly(scene, attributes, subset) && !rng.chance(kLooseLandmark)) continue;
      const bool only = matching(scene, phrase).size() == 1;
      for (const Direction direction : kDirections) {
        Fact fact = {FactKind::kRelation, phrase, direction, false};
        if (of_distance(along(direction, scene.objects[object].x - scene.objects[other].x,
                              scene.objects[object].y - scene.objects[other].y),
                        kClearMargin) != Truth::kTrue) {
          continue;
        }
        fact.definite = only && rng.chance(kDefinite);
        facts.push_back(fact);
      }
    }
  }
}

}  // namespace

Direction opposite(Direction direction) {
  constexpr std::array<Direction, 4> kOpposites = {Direction::kRight, Direction::kLeft,
                                                   Direction::kBelow, Direction::kAbove};
  return kOpposites.at(static_cast<std::size_t>(direction));
}

Truth truth(const Scene& scene, std::size_t object, const Fact& fact) {
  const Object& own = scene.objects[object];
  if (fact.is_attribute()) {
    return fact.phrase.matches(own.attributes) ? Truth::kTrue : Truth::kFalse;
  }
  if (fact.kind == FactKind::kPlace) {
    const double middle = 0.5 * scene.side;
    return of_distance(along(fact.direction, own.x - middle, own.y - middle), kHalfMargin);
  }
  Truth best = Truth::kFalse;
  for (const std::size_t landmark : matching(scene, fact.phrase)) {
    if (landmark == object) continue;
    const Object& theirs = scene.objects[landmark];
    best = std::max(
        best, of_distance(along(fact.direction, own.x - theirs.x, own.y - theirs.y), kClearMargin));
  }
  return best;
}

bool is_held_out(const Fact& fact) {
  if (fact.kind == FactKind::kPlace) return false;
  if (is_held_out_phrase(fact.phrase)) return true;
  return fact.kind == FactKind::kRelation &&
         fact.phrase.shape == (is_across(fact.direction) ? Shape::kTriangle : Shape::kCircle);
}

std::vector<std::string> held_out_texts() {
  std::vector<std::string> texts;
  for (std::size_t shape = 0; shape < kShapeWords.size(); ++shape) {
    texts.push_back(Phrase{static_cast<Shape>(shape), held_out_colour(static_cast<Shape>(shape)),
                           std::nullopt, std::nullopt}
                        .words());
  }
  for (std::size_t shape = 0; shape < kShapeWords.size(); ++shape) {
    for (std::size_t pattern = 0; pattern < kPatternWords.size(); ++pattern) {
      const Phrase phrase{static_cast<Shape>(shape), std::nullopt, static_cast<Pattern>(pattern),
                          std::nullopt};
      if (is_held_out_phrase(phrase)) texts.push_back(phrase.words());
    }
  }
  texts.insert(texts.end(), {"left or right of a triangle", "above or below a circle"});
  return texts;
}

std::vector<Fact> true_facts(const Scene& scene, std::size_t object, const Recipe& recipe,
                             core::Rng& rng) {
  const Attributes& attributes = scene.objects[object].attributes;
  std::vector<Fact> facts = {{FactKind::kColour, phrase_of(attributes, 1)},
                             {FactKind::kSize, phrase_of(attributes, 4)}};
  if (recipe.patterns) facts.push_back({FactKind::kPattern, phrase_of(attributes, 2)});
  for (const Direction direction : kDirections) {
    const Fact fact = {FactKind::kPlace, {}, direction, false};
    if (truth(scene, object, fact) == Truth::kTrue) facts.push_back(fact);
  }
  add_relations(scene, object, recipe, rng, facts);
  if (!recipe.unseen) std::erase_if(facts, is_held_out);
  return facts;
}

}  // namespace pcnet::synth
