#include "pcnet/synth/long_expressions.h"

#include <algorithm>
#include <array>
#include <bit>
#include <iterator>
#include <set>

#include "pcnet/synth/facts.h"
#include "pcnet/synth/wording.h"

namespace pcnet::synth {

namespace {

constexpr int kMostSentences = 3;  // of an object
constexpr int kTries = 120;        // for an object
constexpr double kPlace = 0.2;     // a clause is a half of the picture, else a relation
constexpr std::array<double, 3> kKept = {1.0, 0.4, 0.1};  // by the number of superfluous facts
// By the fewest facts that would do, from 1.
constexpr std::array<double, 4> kKeptNeeded = {0.08, 0.4, 1.0, 1.0};

// How many attributes and clauses a sentence has; each as often as it stands here.
struct Outline {
  std::size_t attributes;
  std::size_t clauses;
};
constexpr std::array<Outline, 8> kOutlines = {Outline{1, 2}, Outline{1, 2}, Outline{1, 2},
                                              Outline{2, 2}, Outline{2, 2}, Outline{2, 1},
                                              Outline{2, 1}, Outline{3, 1}};

// A fact and, a bit an object, the look-alikes that it rules out.
struct Told {
  Fact fact;
  unsigned rules_out = 0;
  unsigned landmarks = 0;  // the objects that a relation's landmark can be
};
using Tolds = std::vector<Told>;

struct Pool {
  Tolds attributes;
  Tolds places;
  Tolds relations;
  unsigned look_alikes = 0;  // other objects of the same shape
};

Pool make_pool(const Scene& scene, std::size_t object, const Recipe& recipe, core::Rng& rng) {
  Pool pool;
  const Shape noun = scene.objects[object].attributes.shape;
  for (std::size_t i = 0; i < scene.objects.size(); ++i) {
    if (i != object && scene.objects[i].attributes.shape == noun) pool.look_alikes |= 1U << i;
  }
  for (const Fact& fact : true_facts(scene, object, recipe, rng)) {
    unsigned out = 0;
    for (std::size_t i = 0; i < scene.objects.size(); ++i) {
      if ((pool.look_alikes >> i & 1U) != 0 && truth(scene, i, fact) == Truth::kFalse) {
        out |= 1U << i;
      }
    }
    Tolds& to = fact.is_attribute()             ? pool.attributes
                : fact.kind == FactKind::kPlace ? pool.places
                                                : pool.relations;
    Told told = {fact, out};
    if (fact.kind == FactKind::kRelation) {
      for (const std::size_t i : matching(scene, fact.phrase)) told.landmarks |= 1U << i;
    }
    to.push_back(told);
  }
  return pool;
}

// Two relations to what may be one landmark, or one place twice.
bool is_said_again(const Told& a, const Told& b) {
  if ((a.landmarks & b.landmarks) != 0) return true;
  return a.fact.kind == FactKind::kPlace && b.fact.kind == FactKind::kPlace &&
         a.fact.direction == b.fact.direction;
}

// Some facts of the pool; empty when it has not enough.
Tolds draw_facts(const Pool& pool, core::Rng& rng) {
  const Outline outline = kOutlines[rng.below(kOutlines.size())];
  Tolds attributes = pool.attributes;
  if (attributes.size() < outline.attributes) return {};
  rng.shuffle(attributes);
  Tolds drawn(attributes.begin(),
              attributes.begin() + static_cast<std::ptrdiff_t>(outline.attributes));
  for (std::size_t i = 0; i < outline.clauses; ++i) {
    const Tolds& from = rng.chance(kPlace) ? pool.places : pool.relations;
    if (from.empty()) return {};
    const Told& clause = rng.pick(from);
    if (std::any_of(drawn.begin(), drawn.end(),
                    [&](const Told& told) { return is_said_again(told, clause); })) {
      return {};
    }
    drawn.push_back(clause);
  }
  return drawn;
}

// The look-alikes that the facts chosen by the bits of `subset` rule out.
unsigned ruled_out(const Tolds& facts, unsigned subset) {
  unsigned out = 0;
  for (std::size_t i = 0; i < facts.size(); ++i) {
    if ((subset >> i & 1U) != 0) out |= facts[i].rules_out;
  }
  return out;
}

int count_superfluous(const Tolds& facts, unsigned look_alikes) {
  const unsigned all = (1U << facts.size()) - 1;
  int superfluous = 0;
  for (std::size_t i = 0; i < facts.size(); ++i) {
    superfluous += ruled_out(facts, all & ~(1U << i)) == look_alikes ? 1 : 0;
  }
  return superfluous;
}

int count_needed(const Tolds& facts, unsigned look_alikes) {
  int fewest = static_cast<int>(facts.size());
  for (unsigned subset = 0; subset < 1U << facts.size(); ++subset) {
    if (ruled_out(facts, subset) == look_alikes) fewest = std::min(fewest, std::popcount(subset));
  }
  return fewest;
}

// The first that suffices with the attributes: nothing more, the place, the relations, both.
Kind kind_of(const Tolds& facts, unsigned look_alikes) {
  unsigned by_attributes = 0;
  unsigned by_place = 0;
  unsigned by_relation = 0;
  for (const Told& told : facts) {
    unsigned& by = told.fact.is_attribute()             ? by_attributes
                   : told.fact.kind == FactKind::kPlace ? by_place
                                                        : by_relation;
    by |= told.rules_out;
  }
  if (by_attributes == look_alikes) return Kind::kAttribute;
  if ((by_attributes | by_place) == look_alikes) return Kind::kPosition;
  return (by_attributes | by_relation) == look_alikes ? Kind::kRelation : Kind::kBoth;
}

bool is_wanted(const Tolds& facts, unsigned look_alikes, const Recipe& recipe, core::Rng& rng) {
  if (facts.empty() || ruled_out(facts, ~0U) != look_alikes) return false;
  const auto superfluous = static_cast<std::size_t>(count_superfluous(facts, look_alikes));
  if (superfluous >= kKept.size()) return false;
  const auto needed = static_cast<std::size_t>(count_needed(facts, look_alikes));
  if (needed == 0 || !rng.chance(kKept[superfluous] * kKeptNeeded[needed - 1])) return false;
  return !recipe.unseen || std::any_of(facts.begin(), facts.end(),
                                       [](const Told& told) { return is_held_out(told.fact); });
}

Expression express(const Tolds& facts, std::size_t object, const Attributes& attributes,
                   unsigned look_alikes, core::Rng& rng) {
  Expression expression;
  expression.object = object;
  expression.kind = kind_of(facts, look_alikes);
  expression.phrase.shape = attributes.shape;
  std::vector<Fact> said;
  for (const Told& told : facts) {
    said.push_back(told.fact);
    expression.unseen = expression.unseen || is_held_out(told.fact);
    if (told.fact.kind == FactKind::kColour) expression.phrase.colour = attributes.colour;
    if (told.fact.kind == FactKind::kPattern) expression.phrase.pattern = attributes.pattern;
    if (told.fact.kind == FactKind::kSize) expression.phrase.size = attributes.size;
  }
  Wording wording = put_into_words("the", attributes.shape, said, rng);
  expression.text = std::move(wording.text);
  expression.cues = std::move(wording.cues);
  expression.needed = count_needed(facts, look_alikes);
  return expression;
}

}  // namespace

std::vector<Expression> make_long_expressions(const Scene& scene, const Recipe& recipe,
                                              core::Rng& rng) {
  std::vector<Expression> all;
  for (std::size_t object = 0; object < scene.objects.size(); ++object) {
    const Pool pool = make_pool(scene, object, recipe, rng);
    std::set<std::string> texts;
    for (int i = 0; i < kTries && texts.size() < kMostSentences; ++i) {
      const Tolds facts = draw_facts(pool, rng);
      if (!is_wanted(facts, pool.look_alikes, recipe, rng)) continue;
      Expression expression =
          express(facts, object, scene.objects[object].attributes, pool.look_alikes, rng);
      const std::size_t words = split_words(expression.text).size();
      if (words < kFewestWords || words > kMostWords) continue;
      if (texts.insert(expression.text).second) all.push_back(std::move(expression));
    }
  }
  return all;
}

}  // namespace pcnet::synth
