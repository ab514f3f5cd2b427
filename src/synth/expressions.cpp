#include "pcnet/synth/expressions.h"

#include <algorithm>
#include <bit>
#include <sstream>

#include "pcnet/core/format.h"
#include "pcnet/synth/cues.h"
#include "pcnet/synth/long_expressions.h"

namespace pcnet::synth {

namespace {

// How often a candidate is kept, and how many an object may have.
constexpr double kOneSuperfluous = 0.4;
constexpr double kTwoSuperfluous = 0.1;
constexpr double kSingleWord = 0.4;
constexpr std::size_t kMostAttribute = 3;
constexpr std::size_t kMostPosition = 3;
constexpr std::size_t kMostRelation = 3;
constexpr double kRelation = 1.0;

// The chance of keeping the phrase that says `subset` of the attributes and matches `wanted`
// objects: the more of its words could be left out, the smaller.
double keep_chance(const Scene& scene, const Attributes& attributes, unsigned subset,
                   std::size_t wanted) {
  int superfluous = 0;
  for (const unsigned bit : {1U, 2U, 4U}) {
    if ((subset & bit) == 0) continue;
    if (matching(scene, phrase_of(attributes, subset & ~bit)).size() == wanted) ++superfluous;
  }
  double chance = superfluous == 0   ? 1.0
                  : superfluous == 1 ? kOneSuperfluous
                  : superfluous == 2 ? kTwoSuperfluous
                                     : 0.0;
  if (std::popcount(subset) == 1) chance *= kSingleWord;
  return chance;
}

// The phrases, in random order, that match exactly the objects with all of the attributes of
// object `index`, thinned by keep_chance.
std::vector<Phrase> draw_phrases(const Scene& scene, std::size_t index, const Recipe& recipe,
                                 core::Rng& rng) {
  const Attributes& attributes = scene.objects[index].attributes;
  const std::size_t wanted = matching(scene, phrase_of(attributes, 7)).size();
  std::vector<unsigned> subsets;
  for (unsigned subset = 1; subset < 8; ++subset) {
    if (recipe.patterns || (subset & 2U) == 0) subsets.push_back(subset);
  }
  rng.shuffle(subsets);
  std::vector<Phrase> phrases;
  for (const unsigned subset : subsets) {
    const Phrase phrase = phrase_of(attributes, subset);
    if (matching(scene, phrase).size() != wanted) continue;
    if (rng.chance(keep_chance(scene, attributes, subset, wanted))) phrases.push_back(phrase);
  }
  return phrases;
}

// The side on which the object stands of all its twins, by a clear margin.
std::optional<Side> side_among(const Scene& scene, std::size_t index,
                               const std::vector<std::size_t>& twins) {
  bool left = true;
  bool right = true;
  for (const std::size_t twin : twins) {
    if (twin == index) continue;
    const double step = scene.objects[twin].x - scene.objects[index].x;
    left = left && step >= kClearMargin;
    right = right && -step >= kClearMargin;
  }
  if (left) return Side::kLeft;
  if (right) return Side::kRight;
  return std::nullopt;
}

void add_positions(const Scene& scene, std::size_t index, const std::vector<Phrase>& phrases,
                   const std::vector<std::size_t>& twins, core::Rng& rng,
                   std::vector<Expression>& all) {
  const std::optional<Side> side = side_among(scene, index, twins);
  if (!side) return;
  const std::string word = kSideWords[static_cast<std::size_t>(*side)];
  for (std::size_t i = 0; i < std::min(kMostPosition, phrases.size()); ++i) {
    const std::string what = phrases[i].words();
    const std::string text = rng.chance(0.5) ? core::cat("the ", what, " on the ", word)
                                             : core::cat("the ", word, " ", what);
    all.push_back({index, Kind::kPosition, phrases[i], side, std::nullopt, text});
  }
}

// The side of the neighbour on which the object stands and none of its twins does, all by a clear
// margin.
std::optional<Side> side_of_neighbour(const Scene& scene, std::size_t index,
                                      const std::vector<std::size_t>& twins,
                                      std::size_t neighbour) {
  const double middle = scene.objects[neighbour].x;
  const double own = scene.objects[index].x - middle;
  if (own > -kClearMargin && own < kClearMargin) return std::nullopt;
  for (const std::size_t twin : twins) {
    if (twin == index) continue;
    const double theirs = scene.objects[twin].x - middle;
    if (own < 0 ? theirs < kClearMargin : theirs > -kClearMargin) return std::nullopt;
  }
  return own < 0 ? Side::kLeft : Side::kRight;
}

void add_relations(const Scene& scene, std::size_t index, const std::vector<Phrase>& phrases,
                   const std::vector<std::size_t>& twins, core::Rng& rng,
                   std::vector<Expression>& all) {
  std::vector<Expression> found;
  for (std::size_t other = 0; other < scene.objects.size(); ++other) {
    const Phrase neighbour = phrase_of(scene.objects[other].attributes, 1);
    if (matching(scene, neighbour).size() != 1) continue;
    const std::optional<Side> side = side_of_neighbour(scene, index, twins, other);
    if (!side) continue;
    for (const Phrase& phrase : phrases) {
      found.push_back({index, Kind::kRelation, phrase, side, neighbour,
                       "the " + phrase.words() + " " + kSideWords[static_cast<std::size_t>(*side)] +
                           " of the " + neighbour.words()});
    }
  }
  rng.shuffle(found);
  for (std::size_t i = 0; i < std::min(kMostRelation, found.size()); ++i) {
    if (rng.chance(kRelation)) all.push_back(found[i]);
  }
}

}  // namespace

std::vector<Expression> make_expressions(const Scene& scene, const Recipe& recipe, core::Rng& rng) {
  if (recipe.language == Language::kLong) return make_long_expressions(scene, recipe, rng);
  std::vector<Expression> all;
  for (std::size_t index = 0; index < scene.objects.size(); ++index) {
    const std::vector<Phrase> phrases = draw_phrases(scene, index, recipe, rng);
    const auto twins = matching(scene, phrase_of(scene.objects[index].attributes, 7));
    if (twins.size() > 1) {
      add_positions(scene, index, phrases, twins, rng, all);
      add_relations(scene, index, phrases, twins, rng, all);
      continue;
    }
    for (std::size_t i = 0; i < std::min(kMostAttribute, phrases.size()); ++i) {
      all.push_back({index, Kind::kAttribute, phrases[i], std::nullopt, std::nullopt,
                     "the " + phrases[i].words()});
    }
  }
  for (Expression& expression : all) expression.cues = real_cues(expression);
  return all;
}

std::vector<std::size_t> matching(const Scene& scene, const Phrase& phrase) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < scene.objects.size(); ++i) {
    if (phrase.matches(scene.objects[i].attributes)) found.push_back(i);
  }
  return found;
}

std::vector<std::string> split_words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

}  // namespace pcnet::synth
