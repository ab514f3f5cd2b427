#include <algorithm>
#include <bit>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/synth/facts.h"
#include "pcnet/synth/sample.h"
#include "pcnet/synth/wording.h"
#include "pcnet/text/mirror.h"

#include "sentence_reader.h"

namespace pcnet::synth {
namespace {

using reader::Statement;

struct Case {
  const char* difficulty;
  bool unseen;
};

Recipe long_recipe(const Case& which) {
  const Recipe recipe = recipe_for(which.difficulty, Language::kLong);
  return which.unseen ? test_b(recipe) : recipe;
}

/// The look-alikes that each fact rules out, a bit an object.
std::vector<unsigned> ruled_out(const Scene& scene, const Statement& statement,
                                unsigned& look_alikes, const Object& target) {
  std::vector<unsigned> out(statement.target.adjectives.size() + statement.clauses.size(), 0);
  look_alikes = 0;
  for (std::size_t i = 0; i < scene.objects.size(); ++i) {
    const Object& object = scene.objects[i];
    if (&object == &target || object.attributes.shape != target.attributes.shape) continue;
    look_alikes |= 1U << i;
    const auto denied = reader::denied(scene, object, statement);
    for (std::size_t f = 0; f < out.size(); ++f) out[f] |= denied[f] ? 1U << i : 0U;
  }
  return out;
}

int fewest_facts(const std::vector<unsigned>& out, unsigned look_alikes) {
  int fewest = 99;
  for (unsigned chosen = 0; chosen < 1U << out.size(); ++chosen) {
    unsigned all = 0;
    for (std::size_t f = 0; f < out.size(); ++f) all |= (chosen >> f & 1U) != 0 ? out[f] : 0U;
    if (all == look_alikes) fewest = std::min(fewest, std::popcount(chosen));
  }
  return fewest;
}

std::string kind_by_reading(const std::vector<unsigned>& out, const Statement& statement,
                            unsigned look_alikes) {
  const std::size_t adjectives = statement.target.adjectives.size();
  unsigned by[3] = {0, 0, 0};
  for (std::size_t f = 0; f < out.size(); ++f) {
    by[f < adjectives ? 0 : statement.clauses[f - adjectives].landmark ? 2 : 1] |= out[f];
  }
  if (by[0] == look_alikes) return "attribute";
  if ((by[0] | by[1]) == look_alikes) return "position";
  return (by[0] | by[2]) == look_alikes ? "relation" : "both";
}

class LongSentences : public ::testing::TestWithParam<Case> {
 protected:
  template <class Check>
  void for_each_sample(std::int64_t count, const Check& check) const {
    for (std::int64_t n = 0; n < count; ++n) check(make_sample(long_recipe(GetParam()), 4, n));
  }
};

TEST_P(LongSentences, HoldForExactlyTheirObject) {
  std::set<Kind> kinds;
  for_each_sample(120, [&](const Sample& sample) {
    std::set<std::string> seen;
    for (const Expression& expression : sample.expressions) {
      const Object& target = sample.scene.objects[expression.object];
      const Statement said = reader::read(expression.text);
      const auto found = reader::referents(sample.scene, said);
      ASSERT_EQ(found.size(), 1U) << expression.text;
      ASSERT_EQ(found.front(), &target) << expression.text;
      EXPECT_TRUE(reader::clearly_true(sample.scene, target, said)) << expression.text;
      EXPECT_TRUE(said.target.definite) << expression.text;
      EXPECT_TRUE(seen.insert(expression.text).second) << "said twice: " << expression.text;
      const auto words = split_words(expression.text).size();
      EXPECT_TRUE(words >= 8 && words <= 14) << expression.text;
      kinds.insert(expression.kind);
    }
  });
  EXPECT_EQ(kinds.size(), 4U);
}

TEST_P(LongSentences, TellTheirKindAndWhatTheyNeed) {
  for_each_sample(80, [&](const Sample& sample) {
    for (const Expression& expression : sample.expressions) {
      const Statement said = reader::read(expression.text);
      unsigned look_alikes = 0;
      const auto out =
          ruled_out(sample.scene, said, look_alikes, sample.scene.objects[expression.object]);
      EXPECT_EQ(kKindWords[static_cast<std::size_t>(expression.kind)],
                kind_by_reading(out, said, look_alikes))
          << expression.text;
      EXPECT_EQ(expression.needed, fewest_facts(out, look_alikes)) << expression.text;
      EXPECT_GE(expression.needed, 1) << expression.text;
    }
  });
}

TEST_P(LongSentences, SayTheWhenTheLandmarkIsTheOnlyOne) {
  for_each_sample(80, [&](const Sample& sample) {
    for (const Expression& expression : sample.expressions) {
      for (const reader::Clause& clause : reader::read(expression.text).clauses) {
        if (!clause.landmark) continue;
        const auto fitting =
            std::count_if(sample.scene.objects.begin(), sample.scene.objects.end(),
                          [&](const Object& object) { return clause.landmark->fits(object); });
        EXPECT_GE(fitting, 1) << expression.text;
        EXPECT_TRUE(fitting == 1 || !clause.landmark->definite) << expression.text;
        EXPECT_FALSE(clause.landmark->fits(sample.scene.objects[expression.object]))
            << expression.text;
      }
    }
  });
}

TEST_P(LongSentences, NameHeldOutCombinationsInTestBAlone) {
  for_each_sample(80, [&](const Sample& sample) {
    for (const Expression& expression : sample.expressions) {
      EXPECT_EQ(reader::names_held_out(reader::read(expression.text)), GetParam().unseen)
          << expression.text;
      EXPECT_EQ(expression.unseen, GetParam().unseen);
    }
    for (const std::string& caption : sample.captions) {
      EXPECT_FALSE(reader::names_held_out(reader::read(caption))) << caption;
    }
  });
}

TEST_P(LongSentences, AreTrueMirroredOnTheMirroredScene) {
  int said = 0;
  for_each_sample(60, [&](const Sample& sample) {
    Scene mirrored = sample.scene;
    for (Object& object : mirrored.objects) object.x = mirrored.side - object.x;
    for (const Expression& expression : sample.expressions) {
      const auto text = text::mirrored(expression.text);
      if (!text) continue;
      ++said;
      const auto found = reader::referents(mirrored, reader::read(*text));
      ASSERT_EQ(found.size(), 1U) << *text;
      EXPECT_EQ(found.front(), &mirrored.objects[expression.object]) << *text;
    }
  });
  EXPECT_GT(said, 30);
}

TEST_P(LongSentences, HaveFourOrFiveCuesThatHold) {
  for_each_sample(80, [&](const Sample& sample) {
    for (const Expression& expression : sample.expressions) {
      const Object& target = sample.scene.objects[expression.object];
      const std::set<std::string> different(expression.cues.begin(), expression.cues.end());
      EXPECT_EQ(different.size(), expression.cues.size()) << expression.text;
      EXPECT_TRUE(different.size() == 4 || different.size() == 5) << expression.text;
      const Statement first = reader::read(expression.cues.front());
      EXPECT_TRUE(first.target.definite && first.target.adjectives.size() == 1 &&
                  first.clauses.empty())
          << expression.cues.front();
      EXPECT_TRUE(reader::read(expression.cues.back()).target.adjectives.empty());
      std::size_t facts = 0;
      const std::string noun = first.target.noun;
      for (const std::string& cue : expression.cues) {
        const bool relation =
            !cue.starts_with("the " + noun) && !cue.starts_with("the ") && !cue.starts_with("a ");
        const Statement said = reader::read(relation ? "the " + noun + " " + cue : cue);
        EXPECT_TRUE(reader::clearly_true(sample.scene, target, said)) << cue;
        facts += said.target.adjectives.size() + said.clauses.size();
      }
      const Statement whole = reader::read(expression.text);
      EXPECT_EQ(facts, whole.target.adjectives.size() + whole.clauses.size()) << expression.text;
    }
  });
}

TEST_P(LongSentences, ComeWithCaptionsWhoseMirrorImagesAreFalse) {
  int sided = 0;
  int upright = 0;
  for_each_sample(60, [&](const Sample& sample) {
    ASSERT_EQ(sample.captions.size(), 12U);
    for (const std::string& caption : sample.captions) {
      const Statement said = reader::read(caption);
      EXPECT_TRUE(std::any_of(
          sample.scene.objects.begin(), sample.scene.objects.end(),
          [&](const Object& object) { return reader::clearly_true(sample.scene, object, said); }))
          << caption;
      EXPECT_LE(split_words(caption).size(), 14U) << caption;
      const auto turned = text::turned(caption);
      if (!turned) continue;
      ++(text::mirrored(caption) ? sided : upright);
      EXPECT_TRUE(reader::referents(sample.scene, reader::read(*turned)).empty()) << caption;
    }
  });
  EXPECT_GT(sided, 60);
  EXPECT_GT(upright, 60);
}

INSTANTIATE_TEST_SUITE_P(Difficulty, LongSentences,
                         ::testing::Values(Case{"easy", false}, Case{"standard", false},
                                           Case{"standard", true}, Case{"hard", false},
                                           Case{"hard", true}),
                         [](const auto& test) {
                           return std::string(test.param.difficulty) +
                                  (test.param.unseen ? "Unseen" : "");
                         });

// --- a scene by hand: 96 px, two small red striped stars, a large one, a blue circle -------------

Object object_at(double x, double y, Attributes attributes) {
  Object object;
  object.attributes = attributes;
  object.x = x;
  object.y = y;
  return object;
}

Scene three_stars() {
  const Attributes small = {Shape::kStar, Colour::kRed, Pattern::kStriped, Size::kSmall};
  Attributes large = small;
  large.size = Size::kLarge;
  const Attributes circle = {Shape::kCircle, Colour::kBlue, Pattern::kSolid, Size::kLarge};
  return {96,
          {object_at(20, 20, small), object_at(76, 24, small), object_at(44, 70, large),
           object_at(50, 20, circle)}};
}

TEST(Facts, HoldByClearMargins) {
  const Scene scene = three_stars();
  const Fact left_half = {FactKind::kPlace, {}, Direction::kLeft, false};
  EXPECT_EQ(truth(scene, 0, left_half), Truth::kTrue);     // 28 px left of the middle
  EXPECT_EQ(truth(scene, 1, left_half), Truth::kFalse);    // 28 px right
  EXPECT_EQ(truth(scene, 2, left_half), Truth::kUnclear);  // 4 px left
  const Phrase circle = {Shape::kCircle, std::nullopt, std::nullopt, std::nullopt};
  const Fact below_circle = {FactKind::kRelation, circle, Direction::kBelow, true};
  EXPECT_EQ(truth(scene, 0, below_circle), Truth::kUnclear);  // the same height
  EXPECT_EQ(truth(scene, 1, below_circle), Truth::kUnclear);  // 4 px lower
  EXPECT_EQ(truth(scene, 2, below_circle), Truth::kTrue);     // 50 px lower
  EXPECT_EQ(truth(scene, 3, below_circle), Truth::kFalse);    // no object is below itself
  const Phrase small_star = {Shape::kStar, std::nullopt, std::nullopt, Size::kSmall};
  const Fact right_of_a_star = {FactKind::kRelation, small_star, Direction::kRight, false};
  EXPECT_EQ(truth(scene, 1, right_of_a_star), Truth::kTrue);  // of the other one
  EXPECT_EQ(truth(scene, 0, right_of_a_star), Truth::kFalse);
  EXPECT_EQ(truth(scene, 2, right_of_a_star), Truth::kTrue);  // of one of the two
  const Fact small = {FactKind::kSize, small_star, Direction::kLeft, false};
  EXPECT_EQ(truth(scene, 0, small), Truth::kTrue);
  EXPECT_EQ(truth(scene, 2, small), Truth::kFalse);
}

TEST(HeldOut, CombinationsAreThoseThatAreTold) {
  EXPECT_THAT(held_out_texts(),
              ::testing::UnorderedElementsAre(
                  "green circle", "blue square", "yellow triangle", "purple cross", "cyan star",
                  "hollow square", "dotted triangle", "striped cross", "solid star",
                  "left or right of a triangle", "above or below a circle"));
}

TEST(Wording, PutsCuesInTheOrderOfReading) {
  const Phrase striped = {Shape::kStar, std::nullopt, Pattern::kStriped, std::nullopt};
  const Phrase circle = {Shape::kCircle, Colour::kBlue, std::nullopt, std::nullopt};
  const std::vector<Fact> facts = {
      {FactKind::kPattern, striped, Direction::kLeft, false},
      {FactKind::kRelation, circle, Direction::kLeft, true},
      {FactKind::kPlace, {}, Direction::kAbove, false},
  };
  std::set<std::string> texts;
  core::Rng rng(3);
  for (int i = 0; i < 200; ++i) {
    const Wording wording = put_into_words("the", Shape::kStar, facts, rng);
    texts.insert(wording.text);
    ASSERT_EQ(wording.cues.size(), 4U) << wording.text;
    EXPECT_THAT(wording.cues.front(),
                ::testing::AnyOf("the striped star", "the star with stripes"));
    EXPECT_EQ(wording.cues.back(), "the star");
    // The clauses stand in the middle, in the sentence's order and words.
    const bool place_first = wording.cues[1].starts_with("a star ");
    const std::string place = wording.cues[place_first ? 1 : 2].substr(7);
    const std::string& relation = wording.cues[place_first ? 2 : 1];
    EXPECT_TRUE(relation.ends_with("of the blue circle")) << relation;
    const auto at = wording.text.find(place);
    const auto there = wording.text.find(relation);
    ASSERT_NE(at, std::string::npos) << wording.text;
    ASSERT_NE(there, std::string::npos) << wording.text;
    EXPECT_EQ(at < there, place_first) << wording.text;
  }
  EXPECT_GT(texts.size(), 60U);  // several ways to say one thing
}

TEST(LongMix, IsNearTheDocumentedFigures) {
  double sentences = 0;
  double words = 0;
  double cues = 0;
  std::array<double, 4> kinds = {};
  std::array<double, 4> needed = {};
  constexpr std::int64_t kPictures = 400;
  for (std::int64_t n = 0; n < kPictures; ++n) {
    const Sample sample = make_sample(recipe_for("standard", Language::kLong), 0, n);
    for (const Expression& expression : sample.expressions) {
      ++sentences;
      ++kinds[static_cast<std::size_t>(expression.kind)];
      ++needed[static_cast<std::size_t>(expression.needed - 1)];
      words += static_cast<double>(split_words(expression.text).size());
      cues += static_cast<double>(expression.cues.size());
    }
  }
  EXPECT_NEAR(sentences / kPictures, 3.75, 0.3);
  EXPECT_NEAR(words / sentences, 11.3, 0.3);
  EXPECT_NEAR(cues / sentences, 4.1, 0.1);
  EXPECT_NEAR(kinds[0] / sentences, 0.22, 0.06);
  EXPECT_NEAR(kinds[1] / sentences, 0.31, 0.06);
  EXPECT_NEAR(kinds[2] / sentences, 0.38, 0.06);
  EXPECT_NEAR(kinds[3] / sentences, 0.10, 0.05);
  EXPECT_NEAR(needed[0] / sentences, 0.15, 0.05);
  EXPECT_NEAR(needed[1] / sentences, 0.67, 0.06);
  EXPECT_NEAR(needed[2] / sentences, 0.19, 0.05);
}

TEST(Language, IsShortOrLong) {
  EXPECT_EQ(language_of("short"), Language::kShort);
  EXPECT_EQ(language_of("long"), Language::kLong);
  EXPECT_THROW(language_of("Long"), core::UsageError);
  EXPECT_THROW(language_of(""), core::UsageError);
}

}  // namespace
}  // namespace pcnet::synth
