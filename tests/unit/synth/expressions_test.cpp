#include "pcnet/synth/expressions.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/synth/captions.h"
#include "pcnet/synth/cues.h"
#include "pcnet/synth/sample.h"

namespace pcnet::synth {
namespace {

using Words = std::vector<std::string>;

// The checker reads the sentence alone: it knows the grammar, not how the sentence was made.
bool described_by(const Object& object, const Words& words) {
  const Attributes& a = object.attributes;
  const std::set<std::string> true_words = {kShapeWords[static_cast<std::size_t>(a.shape)],
                                            kColourWords[static_cast<std::size_t>(a.colour)],
                                            kPatternWords[static_cast<std::size_t>(a.pattern)],
                                            kSizeWords[static_cast<std::size_t>(a.size)]};
  return std::all_of(words.begin(), words.end(),
                     [&](const std::string& word) { return true_words.contains(word); });
}

std::vector<const Object*> described(const Scene& scene, const Words& words) {
  std::vector<const Object*> found;
  for (const Object& object : scene.objects) {
    if (described_by(object, words)) found.push_back(&object);
  }
  return found;
}

// The objects for which a sentence holds; every comparison of places must be clear.
std::vector<const Object*> referents(const Scene& scene, const std::string& sentence) {
  Words words = split_words(sentence);
  EXPECT_EQ(words.front(), "the");
  words.erase(words.begin());
  const auto word = std::find_if(words.begin(), words.end(),
                                 [](const std::string& w) { return w == "left" || w == "right"; });
  if (word == words.end()) return described(scene, words);
  const double sign = *word == "left" ? 1.0 : -1.0;
  std::vector<const Object*> found;
  if (word + 1 != words.end() && *(word + 1) == "of") {  // ... left of the red star
    const auto marks = described(scene, Words(word + 3, words.end()));
    EXPECT_EQ(marks.size(), 1U) << sentence;
    for (const Object* object : described(scene, Words(words.begin(), word))) {
      const double step = sign * (marks.front()->x - object->x);
      if (step > -8.0) found.push_back(object);  // neither clearly false nor, then, alone
    }
    return found;
  }
  Words what(words.begin(), word);  // "... on the left" or "left ..."
  if (what.empty()) {
    what.assign(word + 1, words.end());
  } else {
    what.resize(what.size() - 2);
  }
  const auto candidates = described(scene, what);
  EXPECT_GE(candidates.size(), 2U) << sentence;
  double first = 1e9;
  for (const Object* object : candidates) first = std::min(first, sign * object->x);
  for (const Object* object : candidates) {
    if (sign * object->x < first + 8.0) found.push_back(object);
  }
  return found;
}

class Expressions : public ::testing::TestWithParam<const char*> {};

TEST_P(Expressions, HoldForExactlyTheirObject) {
  std::set<Kind> kinds;
  for (std::int64_t n = 0; n < 150; ++n) {
    const Sample sample = make_sample(recipe_for(GetParam()), 4, n);
    std::set<std::string> seen;
    for (const Expression& expression : sample.expressions) {
      const auto found = referents(sample.scene, expression.text);
      ASSERT_EQ(found.size(), 1U) << "image " << n << ": " << expression.text;
      ASSERT_EQ(found.front(), &sample.scene.objects[expression.object])
          << "image " << n << ": " << expression.text;
      EXPECT_TRUE(seen.insert(expression.text).second) << "said twice: " << expression.text;
      kinds.insert(expression.kind);
    }
  }
  EXPECT_EQ(kinds.size(), 3U);
}

TEST_P(Expressions, SayAPlaceOnlyOfObjectsWithATwin) {
  for (std::int64_t n = 0; n < 150; ++n) {
    const Sample sample = make_sample(recipe_for(GetParam()), 4, n);
    for (const Expression& expression : sample.expressions) {
      const Attributes& own = sample.scene.objects[expression.object].attributes;
      const auto twins =
          std::count_if(sample.scene.objects.begin(), sample.scene.objects.end(),
                        [&](const Object& object) { return object.attributes == own; });
      EXPECT_EQ(twins > 1, expression.kind != Kind::kAttribute) << expression.text;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Difficulty, Expressions, ::testing::Values("easy", "standard", "hard"),
                         [](const auto& test) { return std::string(test.param); });

TEST(ExpressionMix, IsNearThePublishedFigures) {
  double sentences = 0;
  double words = 0;
  double cues = 0;
  double proposals = 0;
  std::array<double, 3> kinds = {0, 0, 0};
  constexpr std::int64_t kPictures = 600;
  for (std::int64_t n = 0; n < kPictures; ++n) {
    const Sample sample = make_sample(recipe_for("standard"), 0, n);
    proposals += static_cast<double>(sample.proposals.size());
    for (const Expression& expression : sample.expressions) {
      ++sentences;
      ++kinds[static_cast<std::size_t>(expression.kind)];
      words += static_cast<double>(split_words(expression.text).size());
      cues += static_cast<double>(real_cues(expression).size());
    }
  }
  EXPECT_NEAR(sentences / kPictures, 5.3, 0.4);
  EXPECT_NEAR(words / sentences, 4.7, 0.3);
  EXPECT_NEAR(cues / sentences, 2.5, 0.2);
  EXPECT_NEAR(proposals / kPictures, 9.2, 0.3);
  EXPECT_NEAR(kinds[0] / sentences, 0.70, 0.05);
  EXPECT_NEAR(kinds[1] / sentences, 0.25, 0.05);
  EXPECT_NEAR(kinds[2] / sentences, 0.05, 0.03);
}

TEST(Cues, SayOneThingEach) {
  Expression expression;
  expression.phrase = {Shape::kStar, Colour::kRed, Pattern::kHollow, Size::kSmall};
  EXPECT_THAT(real_cues(expression),
              ::testing::ElementsAre("the red star", "a hollow star", "a small star"));
  expression.phrase = {Shape::kStar, Colour::kRed, std::nullopt, std::nullopt};
  expression.side = Side::kLeft;
  EXPECT_THAT(real_cues(expression), ::testing::ElementsAre("the red star", "a star on the left"));
  expression.neighbour = Phrase{Shape::kCross, Colour::kBlue, std::nullopt, std::nullopt};
  EXPECT_THAT(real_cues(expression),
              ::testing::ElementsAre("the red star", "left of the blue cross"));
}

TEST(Captions, AreTrueOfSomeObject) {
  for (std::int64_t n = 0; n < 100; ++n) {
    const Sample sample = make_sample(recipe_for("standard"), 8, n);
    ASSERT_EQ(sample.captions.size(), 12U);
    for (const std::string& caption : sample.captions) {
      Words words = split_words(caption);
      EXPECT_EQ(words.front(), "a");
      const auto end = std::find_if(words.begin(), words.end(), [](const std::string& word) {
        return word == "on" || word == "left" || word == "right";
      });
      EXPECT_FALSE(described(sample.scene, Words(words.begin() + 1, end)).empty()) << caption;
    }
  }
}

}  // namespace
}  // namespace pcnet::synth
