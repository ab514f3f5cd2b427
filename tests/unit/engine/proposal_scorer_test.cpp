#include "pcnet/engine/proposal_scorer.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/clip/proposal_features.h"
#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/log.h"
#include "pcnet/engine/proposal_responder.h"
#include "pcnet/engine/segmentor.h"
#include "pcnet/image/mask_points.h"
#include "pcnet/metrics/peak.h"
#include "pcnet/text/word_tokenizer.h"

#include "support/hand_dataset.h"
#include "support/lively.h"
#include "support/temporary_folder.h"
#include "support/tiny.h"

namespace pcnet::engine {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using Texts = std::vector<std::string>;

const text::WordTokenizer& tokenizer() {
  static const text::WordTokenizer words({"bowl", "green", "man", "red", "tall", "the"});
  return words;
}

/// One whose crops differ by far more than rounding.
clip::Clip tiny() {
  torch::manual_seed(3);
  clip::Clip clip(support::tiny_clip(), tokenizer().vocabulary_size());
  support::make_lively(*clip, 8);
  return clip;
}

/// The text's vector at unit length, [C].
at::Tensor vector_of(clip::Clip& clip, const std::string& text) {
  const torch::NoGradGuard no_grad;
  const auto ids = tokenizer().encode(text, 9).ids;
  const at::Tensor vector = clip->encode_text(torch::tensor(ids, torch::kInt64).unsqueeze(0))[0];
  return vector / vector.norm();
}

const std::vector<image::Rle>& proposals() {
  static const std::vector<image::Rle> all = {
      image::encode(support::rectangle_mask(32, 40, {1, 2, 20, 9})),
      image::encode(image::Mask(32, 40)),  // empty
      image::encode(support::rectangle_mask(32, 40, {25, 8, 15, 24}))};
  return all;
}
/// Those that hold a pixel.
std::vector<image::Rle> real() { return {proposals()[0], proposals()[2]}; }

image::Picture picture() {
  image::Picture made(32, 40);
  for (std::size_t i = 0; i < made.rgb.size(); ++i) {
    made.rgb[i] = static_cast<std::uint8_t>((i * i / 7 + 13 * i) % 256);
  }
  return made;
}

void expect_scores(const at::Tensor& got, const at::Tensor& wanted) {  // wanted [texts, 2]
  ASSERT_EQ(got.sizes(), (at::IntArrayRef{wanted.size(0), 3}));
  ASSERT_GT((wanted.select(1, 0) - wanted.select(1, 1)).abs().min().item<double>(), 1e-3);
  EXPECT_LT((got.select(1, 0) - wanted.select(1, 0)).abs().max().item<double>(), 1e-5);
  EXPECT_LT((got.select(1, 2) - wanted.select(1, 1)).abs().max().item<double>(), 1e-5);
  for (std::int64_t i = 0; i < got.size(0); ++i) {
    EXPECT_EQ(got[i][1].item<float>(), -INFINITY);
  }
}

TEST(ProposalScorer, ComparesTheCropWithTheSentence) {
  clip::Clip clip = tiny();
  const at::Tensor crops = clip::crop_features(*clip, picture(), real(), clip::kClipCrops);
  const Texts sentences = {"the red bowl", "the man", "the red bowl"};
  std::vector<at::Tensor> wanted;
  for (const auto& sentence : sentences) wanted.push_back(crops.matmul(vector_of(clip, sentence)));
  ProposalScorer scorer(clip, tokenizer(), {.text_length = 9});
  expect_scores(scorer.scores(picture(), proposals(), sentences), at::stack(wanted));
  // A text that was encoded before, beside one that was not.
  const at::Tensor again = scorer.scores(picture(), proposals(), {"green", "the man"});
  EXPECT_LT((again[1][0] - wanted[1][0]).abs().item<double>(), 1e-6);
}

TEST(ProposalScorer, AddsThePlaceInTheWholeImageAndTheNounPhrase) {
  clip::Clip clip = tiny();
  const auto& look = clip::kZeroShotCrops;
  const at::Tensor crops = clip::crop_features(*clip, picture(), real(), look);
  const at::Tensor whole = clip::context_features(*clip, picture(), real(), look.colours);
  const at::Tensor text =
      (vector_of(clip, "the tall man in green") + vector_of(clip, "the man")) / 2;
  for (const double weight : {0.95, 0.2}) {
    ProposalScorer scorer(clip, tokenizer(),
                          {.method = config::EvalMethod::kClipGlobalLocal,
                           .global_weight = weight,
                           .text_length = 9});
    const at::Tensor wanted = (weight * whole + (1 - weight) * crops).matmul(text);
    expect_scores(scorer.scores(picture(), proposals(), {"the tall man in green"}),
                  wanted.unsqueeze(0));
  }
}

TEST(ProposalScorer, TakesTheSentenceWhereTheNounPhraseIsUnknown) {
  clip::Clip clip = tiny();
  ProposalScorer scorer(
      clip, tokenizer(),
      {.method = config::EvalMethod::kClipGlobalLocal, .global_weight = 0, .text_length = 9});
  const at::Tensor crops = clip::crop_features(*clip, picture(), real(), clip::kZeroShotCrops);
  expect_scores(scorer.scores(picture(), proposals(), {"red giraffe"}),
                crops.matmul(vector_of(clip, "red giraffe")).unsqueeze(0));
}

TEST(ProposalScorer, RefusesSentencesWithoutAKnownWordAndOtherMethods) {
  ProposalScorer scorer(tiny(), tokenizer(), {.text_length = 9});
  EXPECT_THAT([&] { scorer.scores(picture(), proposals(), {"giraffe"}); },
              ThrowsMessage<core::UsageError>(HasSubstr("\"giraffe\" holds no word")));
  EXPECT_THROW(ProposalScorer(tiny(), tokenizer(), {.method = config::EvalMethod::kClipMap}),
               core::Error);
}

class Proposals : public ::testing::Test {
 protected:
  void SetUp() override {
    core::log::set_level(core::log::Level::kQuiet);
    hand_.images = {{20, 32, 40}, {21, 32, 40}, {22, 32, 40}};
    hand_.objects = {{1, 20, {1, 1, 4, 4}}, {2, 21, {6, 5, 5, 4}}, {3, 22, {6, 5, 5, 4}}};
    hand_.references = {{50, 1, 20, "val", {{500, "the man", ""}}},
                        {51, 2, 21, "val", {{501, "the red bowl", ""}}},
                        {52, 3, 22, "val", {{502, "green", ""}}}};
    for (const auto& proposal : proposals()) {
      hand_.proposals[20].push_back(image::decode(proposal));
    }
    hand_.proposals[22] = {image::Mask(32, 40)};  // none that holds a pixel
  }
  void TearDown() override { core::log::set_level(core::log::Level::kInfo); }

  static Query query(std::int64_t image_id, Texts texts) {
    return {.picture = {},
            .height = 32,
            .width = 40,
            .texts = std::move(texts),
            .sent_ids = {},
            .cues = {},
            .image_id = image_id};
  }

  support::TemporaryFolder folder_;
  support::HandDataset hand_;
};

TEST_F(Proposals, AnswerWithTheBestOneAndItsInteriorPoint) {
  hand_.write(folder_.path());
  core::write_file_plain(folder_.path() / "train2014" / "20.png",
                         image::encode_png_stored(picture()));
  data::Dataset dataset(support::options_for(folder_.path()));
  const Texts texts = {"the man", "red bowl", "tall green", "the tall bowl"};
  clip::Clip clip = tiny();
  ProposalScorer scorer(clip, tokenizer(), {.text_length = 9});
  const at::Tensor scores =
      scorer.scores(dataset.pictures().original(20), *dataset.proposals().of(20), texts);
  ProposalResponder responder(dataset, ProposalScorer(clip, tokenizer(), {.text_length = 9}));
  const std::vector<Query> queries = {query(20, texts), query(21, {"the man"}),
                                      query(22, {"green"})};
  const auto maps = responder.respond(queries);
  ASSERT_EQ(maps[0].sizes(), (at::IntArrayRef{1, 4, 32, 40}));
  for (std::int64_t i = 0; i < 4; ++i) {
    ASSERT_GT((scores[i][0] - scores[i][2]).abs().item<float>(), 0.05);
    const bool first = scores[i][0].item<float>() >= scores[i][2].item<float>();
    const image::Mask chosen = image::decode(proposals()[first ? 0 : 2]);
    const at::Tensor map = maps[0][0][i].contiguous();
    const std::span<const float> values(map.const_data_ptr<float>(), 32 * 40);
    for (const double threshold : {1e-9, 0.5, 0.99}) {
      EXPECT_EQ(threshold_mask(values, 32, 40, 1, threshold).data, chosen.data) << threshold;
    }
    const metrics::Peak peak = metrics::find_peak(values, 40);
    EXPECT_EQ(peak.score, 1);
    EXPECT_EQ((image::Pixel{peak.x, peak.y}), *image::interior_point(chosen));
  }
  for (const std::size_t without : {1U, 2U}) {
    EXPECT_EQ(maps[without].sizes(), (at::IntArrayRef{1, 1, 32, 40}));
    EXPECT_EQ(maps[without].abs().max().item<float>(), 0);
  }
}

}  // namespace
}  // namespace pcnet::engine
