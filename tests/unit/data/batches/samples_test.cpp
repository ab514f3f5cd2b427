#include "pcnet/data/batches/samples.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/log.h"
#include "pcnet/data/proposals/clip_scores.h"
#include "pcnet/text/word_tokenizer.h"

#include "support/hand_dataset.h"
#include "support/temporary_folder.h"

namespace pcnet::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using Positions = std::vector<std::size_t>;

class SamplesTest : public ::testing::Test {
 protected:
  void SetUp() override { core::log::set_level(core::log::Level::kQuiet); }
  void TearDown() override { core::log::set_level(core::log::Level::kInfo); }

  Dataset open(const std::function<void(config::DataOptions&)>& change = {}) const {
    hand_.write(folder_.path());
    config::DataOptions options = support::options_for(folder_.path());
    if (change) change(options);
    return Dataset(options);
  }
  /// The words of a row of tokens, which ends with the end token.
  static std::string words_of(const text::WordTokenizer& tokenizer, const at::Tensor& row) {
    std::string words;
    for (std::int64_t i = 1; row[i].item<std::int64_t>() != tokenizer.end_token(); ++i) {
      const auto id = static_cast<std::size_t>(row[i].item<std::int64_t>());
      words += (words.empty() ? "" : " ") + tokenizer.words().at(id - 1);
    }
    return words;
  }
  static std::vector<std::string> texts_of(const text::WordTokenizer& tokenizer, const Batch& batch,
                                           std::int64_t picture) {
    std::vector<std::string> texts;
    for (std::int64_t m = 0; m < batch.text_index.size(1); ++m) {
      const auto row = batch.text_index[picture][m].item<std::int64_t>();
      texts.push_back(words_of(tokenizer, batch.tokens[row]));
    }
    return texts;
  }
  static std::int64_t image_of(const Batch& batch, std::int64_t picture) {
    return batch.images[picture][0][0][0].item<std::int64_t>();  // its grey is its id
  }

  support::TemporaryFolder folder_;
  support::HandDataset hand_ = support::small_dataset();
};

TEST_F(SamplesTest, TrainingTextsAreTheDistinctOnesOfTheTrainingSplit) {
  Dataset dataset = open();
  EXPECT_THAT(dataset.training_texts(),
              ElementsAre("a blue thing", "a cup", "a cup and a plate", "a plate", "a red thing",
                          "a table", "a vase", "crockery", "glass", "on the left", "the blue plate",
                          "the left cup", "the red cup"));
}

TEST_F(SamplesTest, NamesAMissingSideFile) {
  hand_.proposals.clear();
  Dataset dataset = open();
  EXPECT_THAT([&] { dataset.proposals(); }, ThrowsMessage<core::Error>(HasSubstr("proposals")));
}

TEST_F(SamplesTest, ReferringGivesOneSentenceOfEachObject) {
  Dataset dataset = open();
  const auto tokenizer = text::WordTokenizer::from_texts(dataset.training_texts());
  ReferringSamples samples(dataset, tokenizer);
  ASSERT_EQ(samples.size(), 3);
  std::set<std::string> drawn;
  for (std::uint64_t epoch = 0; epoch < 20; ++epoch) {
    const Batch batch = samples.batch(Positions{2, 0, 1}, /*seed=*/4, epoch);
    ASSERT_EQ(batch.images.sizes(), (at::IntArrayRef{3, 3, 32, 32}));
    ASSERT_EQ(batch.images.scalar_type(), at::kByte);
    ASSERT_EQ(batch.text_index.sizes(), (at::IntArrayRef{3, 1}));
    EXPECT_EQ(image_of(batch, 0), 11);
    EXPECT_EQ(image_of(batch, 1), 10);
    EXPECT_EQ(image_of(batch, 2), 10);
    const std::string first = texts_of(tokenizer, batch, 0)[0];
    const std::string second = texts_of(tokenizer, batch, 1)[0];
    EXPECT_TRUE(first == "the red cup" || first == "a vase") << first;
    EXPECT_TRUE(second == "the red cup" || second == "the left cup") << second;
    EXPECT_EQ(texts_of(tokenizer, batch, 2)[0], "the blue plate");
    drawn.insert({first, second});
  }
  EXPECT_EQ(drawn.size(), 3U);  // every sentence has its turn
}

TEST_F(SamplesTest, ABatchHoldsEachDistinctTextOnce) {
  Dataset dataset = open();
  const auto tokenizer = text::WordTokenizer::from_texts(dataset.training_texts());
  ReferringSamples samples(dataset, tokenizer);
  bool shared = false;
  for (std::uint64_t epoch = 0; epoch < 30; ++epoch) {
    const Batch batch = samples.batch(Positions{0, 2}, 1, epoch);
    const bool same = texts_of(tokenizer, batch, 0) == texts_of(tokenizer, batch, 1);
    EXPECT_EQ(batch.tokens.size(0), same ? 1 : 2);
    shared = shared || same;
  }
  EXPECT_TRUE(shared);  // "the red cup" stands on both pictures
}

TEST_F(SamplesTest, ABatchDependsOnSamplesSeedAndEpochAlone) {
  Dataset dataset = open();
  const auto tokenizer = text::WordTokenizer::from_texts(dataset.training_texts());
  const config::ContrastiveBatchOptions options{.captions = 2, .expressions = 2, .cues = 2};
  ContrastiveSamples samples(dataset, tokenizer, options);
  ContrastiveSamples other(dataset, tokenizer, options);
  const auto same = [](const Batch& a, const Batch& b) {
    return at::equal(a.images, b.images) && at::equal(a.tokens, b.tokens) &&
           at::equal(a.text_index, b.text_index);
  };
  const Batch batch = samples.batch(Positions{0, 1}, 3, 5);
  samples.batch(Positions{1}, 8, 8);
  EXPECT_TRUE(same(batch, samples.batch(Positions{0, 1}, 3, 5)));
  EXPECT_TRUE(same(batch, other.batch(Positions{0, 1}, 3, 5)));
  int changes = 0;
  for (std::uint64_t i = 6; i < 16; ++i) {
    if (!same(batch, samples.batch(Positions{0, 1}, 3, i))) ++changes;
    if (!same(batch, samples.batch(Positions{0, 1}, i, 5))) ++changes;
  }
  EXPECT_GT(changes, 10);
}

TEST_F(SamplesTest, ContrastiveDrawsEachTextOnceWhileThereAreEnough) {
  Dataset dataset = open();
  const auto tokenizer = text::WordTokenizer::from_texts(dataset.training_texts());
  ContrastiveSamples samples(dataset, tokenizer, {.captions = 2, .expressions = 3, .cues = 5});
  ASSERT_EQ(samples.size(), 2);  // pictures 10 and 11
  const std::set<std::string> captions = {"a cup and a plate", "crockery"};
  const std::set<std::string> expressions = {"the red cup", "the left cup", "the blue plate"};
  const std::set<std::string> cues = {"a cup", "a red thing", "on the left", "a plate",
                                      "a blue thing"};
  for (std::uint64_t epoch = 0; epoch < 10; ++epoch) {
    const Batch batch = samples.batch(Positions{0}, 2, epoch);
    const auto texts = texts_of(tokenizer, batch, 0);
    ASSERT_EQ(texts.size(), 10U);
    EXPECT_EQ(std::set<std::string>(texts.begin(), texts.begin() + 2), captions);
    EXPECT_EQ(std::set<std::string>(texts.begin() + 2, texts.begin() + 5), expressions);
    EXPECT_EQ(std::set<std::string>(texts.begin() + 5, texts.end()), cues);
  }
}

TEST_F(SamplesTest, ContrastiveRepeatsTextsEvenlyWhenThereAreTooFew) {
  Dataset dataset = open();
  const auto tokenizer = text::WordTokenizer::from_texts(dataset.training_texts());
  ContrastiveSamples samples(dataset, tokenizer, {.captions = 5, .expressions = 0, .cues = 0});
  const Batch batch = samples.batch(Positions{0, 1}, 2, 0);
  std::map<std::string, int> times;
  for (const auto& text : texts_of(tokenizer, batch, 0)) ++times[text];
  ASSERT_EQ(times.size(), 2U);
  EXPECT_EQ(times["crockery"] + times["a cup and a plate"], 5);
  EXPECT_LE(std::abs(times["crockery"] - times["a cup and a plate"]), 1);
  EXPECT_EQ(batch.tokens.size(0), 5);  // two and three distinct ones
}

TEST_F(SamplesTest, ContrastiveNamesPicturesWithoutTexts) {
  const auto expect = [&](const config::ContrastiveBatchOptions& options, const char* what) {
    Dataset dataset = open();
    const auto tokenizer = text::WordTokenizer::from_texts(dataset.training_texts());
    EXPECT_THAT([&] { ContrastiveSamples(dataset, tokenizer, options); },
                ThrowsMessage<core::Error>(HasSubstr(what)));
  };
  hand_.captions[11] = {};
  expect({.captions = 1, .expressions = 1, .cues = 0}, "image_id 11 has no captions");
  hand_.captions.erase(11);
  expect({.captions = 1, .expressions = 1, .cues = 0}, "no captions for image_id 11");
  hand_.cues[1003] = hand_.cues[1004] = {};
  hand_.cues.erase(1001);
  expect({.captions = 0, .expressions = 1, .cues = 2},
         "3 of 5 sentences of train have no cues in ");
  expect({.captions = 0, .expressions = 1, .cues = 2}, "e.g. sent_id 1001, 1003, 1004: ");
  expect({.captions = 0, .expressions = 0, .cues = 0}, "train.contrastive");
}

TEST_F(SamplesTest, ContrastiveNamesTheMirrorOfACaptionUnlessItIsTrueAsWell) {
  hand_.captions[10] = {"a cup on the left", "a cup on the right", "a plate right of a cup",
                        "leftover"};
  hand_.captions[11] = {"a table", "a cup on the left", "a vase"};
  Dataset dataset = open();
  const auto tokenizer = text::WordTokenizer::from_texts(dataset.training_texts());
  const config::ContrastiveBatchOptions options{.captions = 4, .expressions = 3, .cues = 0};
  ContrastiveSamples samples(dataset, tokenizer, options, /*mirrored=*/true);
  const Batch batch = samples.batch(Positions{0, 1}, 3, 0);
  ASSERT_EQ(batch.mirrored_index.sizes(), (at::IntArrayRef{2, 7}));
  const std::map<std::string, std::string> wanted[] = {
      {{"a plate right of a cup", "a plate left of a cup"}},
      {{"a cup on the left", "a cup on the right"}}};  // "the left cup" is no caption
  for (std::int64_t i = 0; i < 2; ++i) {
    std::map<std::string, std::string> found;
    const auto texts = texts_of(tokenizer, batch, i);
    for (std::int64_t m = 0; m < 7; ++m) {
      const auto row = batch.mirrored_index[i][m].item<std::int64_t>();
      if (row >= 0) {
        found[texts[static_cast<std::size_t>(m)]] = words_of(tokenizer, batch.tokens[row]);
      }
    }
    EXPECT_EQ(found, wanted[i]) << i;
  }
  // Picture 0 says itself what mirrors picture 1's caption: the text is there once.
  std::set<std::string> distinct;
  for (std::int64_t row = 0; row < batch.tokens.size(0); ++row) {
    EXPECT_TRUE(distinct.insert(words_of(tokenizer, batch.tokens[row])).second);
  }

  ContrastiveSamples plain(dataset, tokenizer, options);
  const Batch without = plain.batch(Positions{0, 1}, 3, 0);
  EXPECT_TRUE(without.mirrored_index.lt(0).all().item<bool>());
  EXPECT_EQ(without.tokens.size(0), batch.tokens.size(0) - 1);
  for (std::int64_t i = 0; i < 2; ++i) {
    EXPECT_EQ(texts_of(tokenizer, without, i), texts_of(tokenizer, batch, i));
  }
}

TEST_F(SamplesTest, ContrastivePrefersAsManyPositionalCaptionsAsAreAskedFor) {
  hand_.captions[10] = {"a cup",  "a plate",           "a table",
                        "a vase", "a cup on the left", "a plate on the right"};
  Dataset dataset = open();
  const auto tokenizer = text::WordTokenizer::from_texts(dataset.training_texts());
  const auto drawn = [&](std::int64_t positional, std::int64_t captions, std::size_t picture,
                         std::uint64_t epoch) {
    ContrastiveSamples samples(
        dataset, tokenizer,
        {.captions = captions, .positional_captions = positional, .expressions = 0, .cues = 0});
    return texts_of(tokenizer, samples.batch(Positions{picture}, 5, epoch), 0);
  };
  const auto positional = [](const std::vector<std::string>& texts) {
    return std::count_if(texts.begin(), texts.end(),
                         [](const auto& text) { return text.find(" on the ") != text.npos; });
  };
  std::int64_t of_one = 0;
  for (std::uint64_t epoch = 0; epoch < 10; ++epoch) {
    EXPECT_EQ(positional(drawn(2, 2, 0, epoch)), 2);
    const auto all = drawn(1, 6, 0, epoch);  // none twice, although one is drawn first
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 6U);
    EXPECT_GE(positional(drawn(1, 2, 0, epoch)), 1);
    of_one += positional(drawn(1, 2, 0, epoch));
    EXPECT_EQ(positional(drawn(2, 2, 1, epoch)), 0);  // picture 11 has none
  }
  EXPECT_LT(of_one, 20);  // the other one is drawn from all
}

TEST_F(SamplesTest, ContrastiveRefusesPositionalCaptionsWithoutRoom) {
  Dataset dataset = open();
  const auto tokenizer = text::WordTokenizer::from_texts(dataset.training_texts());
  EXPECT_THAT(
      [&] { ContrastiveSamples(dataset, tokenizer, {.captions = 1, .positional_captions = 2}); },
      ThrowsMessage<core::ConfigError>(HasSubstr("positional_captions is 2, wanted at most")));
  EXPECT_THAT([&] { ContrastiveSamples(dataset, tokenizer, {.captions = 0}, /*mirrored=*/true); },
              ThrowsMessage<core::ConfigError>(HasSubstr("loss.contrastive.mirrored")));
}

TEST_F(SamplesTest, ASentenceWithoutCuesIsItsOwnWhenThatIsAskedFor) {
  hand_.cues.erase(1003);
  hand_.cues.erase(1004);
  Dataset dataset = open([](auto& options) { options.missing_cues = "sentence"; });
  const auto tokenizer = text::WordTokenizer::from_texts(dataset.training_texts());
  ContrastiveSamples samples(dataset, tokenizer, {.captions = 0, .expressions = 0, .cues = 2});
  const auto texts = texts_of(tokenizer, samples.batch(Positions{1}, 0, 0), 0);
  EXPECT_EQ(std::set<std::string>(texts.begin(), texts.end()),
            (std::set<std::string>{"the red cup", "a vase"}));
}

TEST_F(SamplesTest, LeavesReferencesWithoutSentencesOut) {
  hand_.objects.push_back({9, 12, {10, 10, 4, 4}});
  hand_.references.push_back({109, 9, 12, "train", {}});
  Dataset dataset = open();
  const auto tokenizer = text::WordTokenizer::from_texts(dataset.training_texts());
  EXPECT_EQ(ReferringSamples(dataset, tokenizer).size(), 3);
  EXPECT_EQ(ContrastiveSamples(dataset, tokenizer, {}).size(), 2);
}

TEST_F(SamplesTest, LeavesSkippedPicturesWithTheirTextsOut) {
  Dataset dataset = open([](auto& options) { options.on_bad_image = "skip"; });
  core::write_file_plain(folder_ / "train2014/10.png", "no image");
  const auto tokenizer = text::WordTokenizer::from_texts(dataset.training_texts());
  ContrastiveSamples samples(dataset, tokenizer, {.captions = 1, .expressions = 1, .cues = 1});
  const Batch batch = samples.batch(Positions{0, 1}, 0, 0);
  ASSERT_EQ(batch.images.size(0), 1);
  EXPECT_EQ(image_of(batch, 0), 11);
  EXPECT_EQ(batch.text_index.sizes(), (at::IntArrayRef{1, 3}));
  EXPECT_LE(batch.tokens.size(0), 3);
  EXPECT_THAT([&] { samples.batch(Positions{0}, 0, 0); },
              ThrowsMessage<core::Error>(HasSubstr("no image of the batch")));
}

/// The words of one row of `index` (its last dimension).
class PartnersTest : public SamplesTest {
 protected:
  static std::vector<std::string> texts_at(const text::WordTokenizer& tokenizer, const Batch& batch,
                                           const at::Tensor& index) {
    std::vector<std::string> texts;
    const at::Tensor rows = index.reshape({-1});
    for (std::int64_t i = 0; i < rows.numel(); ++i) {
      texts.push_back(words_of(tokenizer, batch.tokens[rows[i].item<std::int64_t>()]));
    }
    return texts;
  }
};

TEST_F(PartnersTest, ASampleHasTheCuesOfItsSentenceRepeatedWhenThereAreFewer) {
  Dataset dataset = open();
  const auto tokenizer = text::WordTokenizer::from_texts(dataset.training_texts());
  ReferringSamples samples(dataset, tokenizer, {.cues = 4});
  const std::map<std::int64_t, std::vector<std::string>> cues = {
      {1000, {"a cup", "a red thing", "a cup", "a red thing"}},
      {1001, {"on the left", "on the left", "on the left", "on the left"}},
      {1002, {"a plate", "a plate", "a blue thing", "a plate"}},
      {1003, {"a cup", "a cup", "a cup", "a cup"}},
      {1004, {"glass", "glass", "glass", "glass"}}};
  std::set<std::int64_t> seen;
  for (std::uint64_t epoch = 0; epoch < 20; ++epoch) {
    const Batch batch = samples.batch(Positions{0, 1, 2}, 4, epoch);
    ASSERT_EQ(batch.cue_index.sizes(), (at::IntArrayRef{3, 1, 4}));
    for (std::int64_t i = 0; i < 3; ++i) {
      const auto sent_id = batch.sent_ids[i][0].item<std::int64_t>();
      seen.insert(sent_id);
      EXPECT_EQ(texts_at(tokenizer, batch, batch.cue_index[i]), cues.at(sent_id)) << sent_id;
    }
    EXPECT_EQ(batch.partner_index.sizes(), (at::IntArrayRef{3, 0}));
    EXPECT_EQ(batch.partner_cue_index.sizes(), (at::IntArrayRef{3, 0, 4}));
  }
  EXPECT_EQ(seen.size(), 5U);
}

TEST_F(PartnersTest, KeepsTheFirstCuesWhenThereAreMore) {
  Dataset dataset = open();
  const auto tokenizer = text::WordTokenizer::from_texts(dataset.training_texts());
  ReferringSamples samples(dataset, tokenizer, {.cues = 1});
  const Batch batch = samples.batch(Positions{1}, 0, 0);
  EXPECT_THAT(texts_at(tokenizer, batch, batch.cue_index), ElementsAre("a plate"));
}

TEST_F(PartnersTest, NamesASentenceWithoutCues) {
  hand_.cues.erase(1002);
  Dataset dataset = open();
  const auto tokenizer = text::WordTokenizer::from_texts(dataset.training_texts());
  EXPECT_THAT([&] { ReferringSamples(dataset, tokenizer, {.cues = 5}); },
              ThrowsMessage<core::Error>(HasSubstr("sent_id 1002")));
}

TEST_F(PartnersTest, APartnerSpeaksOfAnotherObjectOfThePicture) {
  Dataset dataset = open();
  const auto tokenizer = text::WordTokenizer::from_texts(dataset.training_texts());
  ReferringSamples samples(dataset, tokenizer, {.cues = 2, .partners = 1});
  std::set<std::string> partners;
  for (std::uint64_t epoch = 0; epoch < 20; ++epoch) {
    const Batch batch = samples.batch(Positions{0, 1, 2}, 4, epoch);
    ASSERT_EQ(batch.partner_index.sizes(), (at::IntArrayRef{3, 1}));
    ASSERT_EQ(batch.partner_cue_index.sizes(), (at::IntArrayRef{3, 1, 2}));
    EXPECT_TRUE(at::equal(batch.has_partner, torch::tensor({{true}, {true}, {false}})));
    EXPECT_TRUE(at::equal(batch.image_ids, torch::tensor({10, 10, 11}, torch::kInt64)));
    EXPECT_TRUE(at::equal(batch.ref_ids, torch::tensor({100, 101, 102}, torch::kInt64)));
    EXPECT_THAT(texts_at(tokenizer, batch, batch.partner_index[0]), ElementsAre("the blue plate"));
    EXPECT_THAT(texts_at(tokenizer, batch, batch.partner_cue_index[0]),
                ElementsAre("a plate", "a plate"));
    const auto second = texts_at(tokenizer, batch, batch.partner_index[1])[0];
    EXPECT_EQ(texts_at(tokenizer, batch, batch.partner_cue_index[1])[0],
              second == "the red cup" ? "a cup" : "on the left");
    partners.insert(second);
    // None: the row is the sample's own text, which is there in any case.
    EXPECT_TRUE(at::equal(batch.partner_index[2], batch.text_index[2]));
    EXPECT_TRUE(at::equal(batch.partner_cue_index[2][0], batch.cue_index[2][0]));
  }
  EXPECT_EQ(partners, (std::set<std::string>{"the red cup", "the left cup"}));
}

TEST_F(PartnersTest, EveryOtherObjectComesOnceBeforeAnyTwiceAndNoSentenceTwice) {
  hand_.objects.push_back({5, 10, {20, 2, 4, 4}});
  hand_.references.push_back({104, 5, 10, "train", {{1006, "a vase", ""}}});
  hand_.references.push_back({105, 1, 10, "train", {{1007, "a table", ""}}});  // object 1 again
  Dataset dataset = open();
  const auto tokenizer = text::WordTokenizer::from_texts(dataset.training_texts());
  ReferringSamples samples(dataset, tokenizer, {.partners = 4});
  std::set<std::string> firsts;
  for (std::uint64_t epoch = 0; epoch < 30; ++epoch) {
    // Object 2 among object 1 (three sentences) and object 5 (one).
    const Batch plate = samples.batch(Positions{1}, 4, epoch);
    const auto texts = texts_at(tokenizer, plate, plate.partner_index);
    EXPECT_EQ(std::count(texts.begin(), texts.begin() + 2, "a vase"), 1);
    EXPECT_EQ(std::set<std::string>(texts.begin(), texts.end()),
              (std::set<std::string>{"the red cup", "the left cup", "a table", "a vase"}));
    EXPECT_TRUE(plate.has_partner.all().item<bool>());
    firsts.insert(texts[0]);
    // Object 1: only two sentences speak of others, not those of its other reference.
    const Batch cup = samples.batch(Positions{0}, 4, epoch);
    EXPECT_TRUE(at::equal(cup.has_partner, torch::tensor({{true, true, false, false}})));
  }
  EXPECT_EQ(firsts.size(), 4U);
}

TEST_F(PartnersTest, TheSentenceIsTheSameWhateverElseIsAskedFor) {
  Dataset dataset = open();
  const auto tokenizer = text::WordTokenizer::from_texts(dataset.training_texts());
  ReferringSamples plain(dataset, tokenizer);
  ReferringSamples cues(dataset, tokenizer, {.cues = 5});
  ReferringSamples both(dataset, tokenizer, {.cues = 3, .partners = 2});
  ReferringSamples one(dataset, tokenizer, {.partners = 1});
  for (std::uint64_t epoch = 0; epoch < 10; ++epoch) {
    const Positions all = {2, 0, 1};
    const Batch batch = plain.batch(all, 7, epoch);
    EXPECT_LE(batch.tokens.size(0), 3);  // no row that nobody reads
    EXPECT_TRUE(at::equal(cues.batch(all, 7, epoch).sent_ids, batch.sent_ids));
    const Batch more = both.batch(all, 7, epoch);
    EXPECT_TRUE(at::equal(more.sent_ids, batch.sent_ids));
    const Batch single = one.batch(all, 7, epoch);
    EXPECT_EQ(texts_at(tokenizer, single, single.partner_index[1]),
              texts_at(tokenizer, more, more.partner_index[1].slice(0, 0, 1)));
  }
}

TEST_F(PartnersTest, ContrastiveSamplesHaveNeitherCuesOfATextNorPartners) {
  Dataset dataset = open();
  const auto tokenizer = text::WordTokenizer::from_texts(dataset.training_texts());
  ContrastiveSamples samples(dataset, tokenizer, {.captions = 1, .expressions = 1, .cues = 0});
  const Batch batch = samples.batch(Positions{0, 1}, 0, 0);
  EXPECT_EQ(batch.cue_index.sizes(), (at::IntArrayRef{2, 2, 0}));
  EXPECT_EQ(batch.has_partner.sizes(), (at::IntArrayRef{2, 0}));
  EXPECT_TRUE(at::equal(batch.ref_ids, torch::full({2}, -1, torch::kInt64)));
  EXPECT_TRUE(at::equal(batch.image_ids, torch::tensor({10, 11}, torch::kInt64)));
  EXPECT_TRUE(samples.clash_groups(config::Negatives::kDistinctImages).empty());
}

TEST_F(PartnersTest, GroupsSamplesByPictureOrObject) {
  hand_.references.push_back({105, 1, 10, "train", {{1007, "a table", ""}}});  // object 1 again
  Dataset dataset = open();
  const auto tokenizer = text::WordTokenizer::from_texts(dataset.training_texts());
  const ReferringSamples samples(dataset, tokenizer);
  EXPECT_THAT(samples.clash_groups(config::Negatives::kAny), ElementsAre());
  EXPECT_THAT(samples.clash_groups(config::Negatives::kDistinctImages),
              ElementsAre(10, 10, 11, 10));
  EXPECT_THAT(samples.clash_groups(config::Negatives::kDistinctObjects), ElementsAre(1, 2, 3, 1));
}

TEST_F(PartnersTest, ABatchHasTheProposalsOfItsPicturesOnTheGridWhenAskedFor) {
  // The left half of picture 10 and all of it; picture 11 has none.
  hand_.proposals = {{10,
                      {support::rectangle_mask(32, 32, {0, 0, 16, 32}),
                       support::rectangle_mask(32, 32, {0, 0, 32, 32})}}};
  Dataset dataset = open();
  const auto tokenizer = text::WordTokenizer::from_texts(dataset.training_texts());
  ReferringSamples samples(dataset, tokenizer, {.grid = {.height = 2, .width = 4, .most = 3}});
  const Batch batch = samples.batch(Positions{2, 0}, 0, 0);
  const at::Tensor none = torch::zeros({2, 4}, torch::kByte);
  const at::Tensor half = torch::tensor({{1, 1, 0, 0}, {1, 1, 0, 0}}, torch::kByte);
  const at::Tensor wanted =
      at::stack({at::stack({none, none, none}), at::stack({half, torch::ones_like(half), none})});
  EXPECT_TRUE(at::equal(batch.proposals, wanted)) << batch.proposals;
  EXPECT_FALSE(ReferringSamples(dataset, tokenizer).batch(Positions{0}, 0, 0).proposals.defined());
}

/// Scores of the training sentences of the small dataset whose pictures have proposals.
class ClipScoresTest : public SamplesTest {
 protected:
  void SetUp() override {
    SamplesTest::SetUp();
    // Of these the two largest have a plane, in their order. Picture 11 has none.
    hand_.proposals = {{10,
                        {support::rectangle_mask(32, 32, {0, 0, 16, 32}),
                         support::rectangle_mask(32, 32, {0, 0, 8, 8}),
                         support::rectangle_mask(32, 32, {0, 0, 32, 32})}}};
  }
  /// A dataset with scores of its proposals, a line each.
  Dataset open_scored(const std::vector<std::string>& lines,
                      const std::function<void(config::DataOptions&)>& change = {}) {
    std::string text =
        clip_scores_head(open().proposal_key(), nlohmann::ordered_json::object()) + "\n";
    for (const auto& line : lines) text += line + "\n";
    core::write_file_plain(folder_ / "scores.jsonl", text);
    return open([&](config::DataOptions& options) {
      options.clip_scores = (folder_ / "scores.jsonl").string();
      if (change) change(options);
    });
  }
  static Batch batch_of(Dataset& dataset) {
    const auto tokenizer = text::WordTokenizer::from_texts(dataset.training_texts());
    ReferringSamples samples(dataset, tokenizer,
                             {.grid = {.height = 2, .width = 4, .most = 2}, .clip_scores = true});
    return samples.batch(Positions{2, 1}, 0, 0);
  }

  std::vector<std::string> lines_ = {clip_scores_line(1000, "the red cup", {1, 2, 3}),
                                     clip_scores_line(1001, "the left cup", {4, 5, 6}),
                                     clip_scores_line(1002, "the blue plate", {7, 8, 9})};
};

TEST_F(ClipScoresTest, AreThoseOfThePlanesOfABatch) {
  Dataset dataset = open_scored(lines_);
  const Batch batch = batch_of(dataset);
  EXPECT_TRUE(at::equal(batch.clip_scores, torch::tensor({{0.0F, 0.0F}, {7.0F, 9.0F}})))
      << batch.clip_scores;
}

TEST_F(ClipScoresTest, MustBeThereForEverySentenceWithProposals) {
  lines_.erase(lines_.begin());
  Dataset dataset = open_scored(lines_);
  EXPECT_THAT([&] { batch_of(dataset); },
              ThrowsMessage<core::Error>(HasSubstr("1 of 3 sentences of train have no scores")));
}

TEST_F(ClipScoresTest, OfOtherProposalsAreRefused) {
  Dataset filtered =
      open_scored(lines_, [](config::DataOptions& data) { data.proposal_filter.overlap = 0.5; });
  EXPECT_THAT([&] { filtered.clip_scores(); },
              ThrowsMessage<core::Error>(HasSubstr("another data.proposal_filter")));
  Dataset before = open_scored(lines_);
  hand_.proposals[10].pop_back();
  hand_.write(folder_.path());
  EXPECT_THAT([&] { before.clip_scores(); },
              ThrowsMessage<core::Error>(HasSubstr("scores of other proposals (crc32:")));
}

}  // namespace
}  // namespace pcnet::data
