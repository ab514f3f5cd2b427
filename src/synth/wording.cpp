#include "pcnet/synth/wording.h"

#include <array>
#include <optional>

#include "pcnet/core/format.h"

namespace pcnet::synth {

namespace {

using Words = std::vector<std::string>;

constexpr double kAttributeAfter = 0.3;  // one attribute is said after the noun
constexpr double kOtherSizeWord = 0.3;   // "little", "big"
constexpr double kWithPattern = 0.5;     // "with stripes" after the noun, else "that is striped"
constexpr double kLandmarkWith = 0.2;    // the same of a landmark
constexpr double kRelative = 0.3;        // "that is left of" beside "left of"
constexpr double kAndAfterPlace = 0.6;   // "... and above" beside "... that is above"

const std::array<Words, 4> kPlaceWords = {
    Words{"on the left", "on the left side", "in the left half"},
    Words{"on the right", "on the right side", "in the right half"},
    Words{"at the top", "near the top", "in the upper half"},
    Words{"at the bottom", "near the bottom", "in the lower half"}};
const std::array<Words, 4> kRelations = {
    Words{"left of", "to the left of", "on the left of", "on the left side of"},
    Words{"right of", "to the right of", "on the right of", "on the right side of"},
    Words{"above", "over", "higher than"}, Words{"below", "under", "underneath", "lower than"}};
const Words kToBe = {"that is", "which is"};
const Words kToLie = {"that is", "which is", "that lies", "which lies"};

std::string noun_of(Shape shape) { return kShapeWords[static_cast<std::size_t>(shape)]; }

std::string size_word(Size size, core::Rng& rng) {
  const bool other = rng.chance(kOtherSizeWord);
  if (size == Size::kSmall) return other ? "little" : "small";
  return other ? "big" : "large";
}

std::string adjective(const Fact& fact, core::Rng& rng) {
  if (fact.phrase.colour) return kColourWords[static_cast<std::size_t>(*fact.phrase.colour)];
  if (fact.phrase.pattern) return kPatternWords[static_cast<std::size_t>(*fact.phrase.pattern)];
  return size_word(*fact.phrase.size, rng);
}

// "with stripes", for patterns that have such words; otherwise empty.
std::string with_pattern(const std::optional<Pattern>& pattern) {
  if (pattern == Pattern::kStriped) return "with stripes";
  if (pattern == Pattern::kDotted) return "with dots";
  return "";
}

// "the large blue circle", "a square with dots".
std::string landmark(const Fact& fact, core::Rng& rng) {
  const Phrase& phrase = fact.phrase;
  std::string after = with_pattern(phrase.pattern);
  if (!rng.chance(kLandmarkWith)) after.clear();
  Words words;
  if (phrase.size) words.push_back(size_word(*phrase.size, rng));
  if (phrase.colour) words.emplace_back(kColourWords[static_cast<std::size_t>(*phrase.colour)]);
  if (phrase.pattern && after.empty()) {
    words.emplace_back(kPatternWords[static_cast<std::size_t>(*phrase.pattern)]);
  }
  rng.shuffle(words);
  words.insert(words.begin(), fact.definite ? "the" : "a");
  words.push_back(noun_of(phrase.shape));
  if (!after.empty()) words.push_back(after);
  return core::join(words, " ");
}

std::string clause(const Fact& fact, core::Rng& rng) {
  const auto direction = static_cast<std::size_t>(fact.direction);
  if (fact.kind == FactKind::kPlace) return rng.pick(kPlaceWords[direction]);
  const std::string relation = rng.pick(kRelations[direction]);  // before the landmark's numbers
  return relation + " " + landmark(fact, rng);
}

// What was said last decides how the next clause can follow without a second reading.
enum class Last { kNoun, kAdjective, kPlace, kLandmark };

class Sentence {
 public:
  Sentence(const std::string& article, Shape noun, core::Rng& rng)
      : words_({article}), noun_(noun_of(noun)), rng_(rng) {}

  // "the small red star", "the small star that is red", "the red star with dots".
  void say_attributes(const std::vector<Fact>& facts) {
    const bool one_after = !facts.empty() && rng_.chance(kAttributeAfter);
    for (std::size_t i = 0; i + (one_after ? 1 : 0) < facts.size(); ++i) {
      words_.push_back(adjective(facts[i], rng_));
      attributed_.push_back(words_.back() + " " + noun_);
    }
    words_.push_back(noun_);
    if (!one_after) return;
    const std::string with = with_pattern(facts.back().phrase.pattern);
    if (!with.empty() && rng_.chance(kWithPattern)) {
      words_.push_back(with);
      attributed_.push_back(noun_ + " " + with);
      return;
    }
    words_.push_back(rng_.pick(kToBe));
    words_.push_back(adjective(facts.back(), rng_));
    attributed_.push_back(words_.back() + " " + noun_);
    last_ = Last::kAdjective;
  }

  void say_clause(const Fact& fact) {
    const bool relative = last_ == Last::kNoun
                              ? rng_.chance(kRelative)
                              : last_ == Last::kPlace && !rng_.chance(kAndAfterPlace);
    if (relative) {
      words_.push_back(rng_.pick(kToLie));
    } else if (last_ != Last::kNoun) {
      words_.emplace_back("and");
    }
    words_.push_back(clause(fact, rng_));
    const bool place = fact.kind == FactKind::kPlace;
    clauses_.push_back(place ? "a " + noun_ + " " + words_.back() : words_.back());
    last_ = place ? Last::kPlace : Last::kLandmark;
  }

  Wording wording() const {
    Wording all = {core::join(words_, " "), {}};
    if (!attributed_.empty()) all.cues.push_back("the " + attributed_.front());
    if (attributed_.empty()) all.cues.push_back("the " + noun_);
    all.cues.insert(all.cues.end(), clauses_.begin(), clauses_.end());
    for (std::size_t i = 1; i < attributed_.size(); ++i) all.cues.push_back("a " + attributed_[i]);
    if (!attributed_.empty()) all.cues.push_back("the " + noun_);
    return all;
  }

 private:
  Words words_;
  std::string noun_;
  core::Rng& rng_;
  Words attributed_;  // the noun with one attribute each
  Words clauses_;
  Last last_ = Last::kNoun;
};

}  // namespace

Wording put_into_words(const std::string& article, Shape noun, std::vector<Fact> facts,
                       core::Rng& rng) {
  rng.shuffle(facts);
  std::vector<Fact> attributes;
  std::vector<Fact> clauses;
  for (const Fact& fact : facts) (fact.is_attribute() ? attributes : clauses).push_back(fact);
  Sentence sentence(article, noun, rng);
  sentence.say_attributes(attributes);
  for (const Fact& fact : clauses) sentence.say_clause(fact);
  return sentence.wording();
}

}  // namespace pcnet::synth
