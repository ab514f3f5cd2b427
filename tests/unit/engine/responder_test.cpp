#include "pcnet/engine/responder.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/model/baseline.h"
#include "pcnet/model/pcnet.h"
#include "pcnet/text/word_tokenizer.h"

#include "support/naive.h"
#include "support/tiny.h"

namespace pcnet::engine {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Query query(std::int64_t height, std::int64_t width, std::vector<std::string> texts,
            std::vector<std::int64_t> sent_ids) {
  torch::manual_seed(static_cast<std::uint64_t>(height));
  return {torch::randint(0, 256, {3, 32, 32}, torch::kByte), height, width, std::move(texts),
          std::move(sent_ids)};
}

TEST(CentreResponder, PointsAtTheCentrePixel) {
  CentreResponder responder;
  const std::vector<Query> queries = {query(5, 8, {"a", "b"}, {1, 2}), query(1, 1, {"a"}, {3})};
  const auto answers = responder.respond(queries);
  ASSERT_EQ(answers.size(), 2U);
  ASSERT_EQ(answers[0].sizes(), (at::IntArrayRef{1, 2, 5, 8}));
  for (std::int64_t m = 0; m < 2; ++m) {
    EXPECT_EQ(answers[0][0][m].sum().item<float>(), 1);
    EXPECT_EQ(answers[0][0][m][2][4].item<float>(), 1);
  }
  EXPECT_EQ(answers[1].sizes(), (at::IntArrayRef{1, 1, 1, 1}));
  EXPECT_EQ(answers[1].item<float>(), 1);
}

TEST(RandomResponder, PointsAtTheSamePixelForASeedAndSentence) {
  const std::vector<Query> together = {query(9, 7, {"a", "b"}, {4, 5})};
  const std::vector<Query> alone = {query(9, 7, {"b"}, {5})};
  const auto first = RandomResponder(3).respond(together);
  const auto second = RandomResponder(3).respond(alone);
  ASSERT_EQ(first[0].sizes(), (at::IntArrayRef{1, 2, 9, 7}));
  EXPECT_EQ(first[0].sum().item<float>(), 2);
  EXPECT_TRUE(at::equal(first[0][0][1], second[0][0][0]));
}

TEST(RandomResponder, SpreadsItsPixels) {
  std::vector<std::int64_t> ids;
  for (std::int64_t i = 0; i < 200; ++i) ids.push_back(i);
  const std::vector<Query> queries = {query(4, 5, std::vector<std::string>(200, "a"), ids)};
  const at::Tensor answers = RandomResponder(1).respond(queries)[0];
  const at::Tensor hits = answers.sum(at::IntArrayRef{0, 1});
  EXPECT_EQ(hits.sum().item<float>(), 200);
  EXPECT_GE(hits.min().item<float>(), 1);  // 10 expected for each pixel
  EXPECT_LE(hits.max().item<float>(), 25);
  EXPECT_FALSE(at::equal(answers, RandomResponder(2).respond(queries)[0]));
}

class ModelResponderTest : public ::testing::Test {
 protected:
  ModelResponderTest() {
    torch::manual_seed(2);
    model_ = model::Baseline(support::tiny_model(), tokenizer_.vocabulary_size());
  }
  ModelResponder responder(bool align_corners = false) {
    return {model_.ptr(),
            tokenizer_,
            {.device = torch::kCPU,
             .text_length = 9,
             .truncate = text::Truncate::kKeepEnd,
             .align_corners = align_corners}};
  }

  /// Every text means the opposite.
  void negate_texts() {
    for (auto& item : model_->named_parameters()) {
      if (item.key().starts_with("lan_project")) item->neg_();
    }
  }

  text::WordTokenizer tokenizer_ = text::WordTokenizer({"blue", "cup", "left", "red"});
  model::Baseline model_ = nullptr;
};

TEST_F(ModelResponderTest, ResizesThePositiveCosineToThePicture) {
  const torch::NoGradGuard no_grad;
  for (const bool align : {false, true}) {
    ModelResponder responder = this->responder(align);
    const std::vector<Query> queries = {query(10, 6, {"red cup", "left"}, {0, 1}),
                                        query(7, 9, {"blue cup"}, {2})};
    const auto answers = responder.respond(queries);
    ASSERT_EQ(answers.size(), 2U);
    ASSERT_EQ(answers[0].sizes(), (at::IntArrayRef{1, 2, 10, 6}));
    ASSERT_EQ(answers[1].sizes(), (at::IntArrayRef{1, 1, 7, 9}));
    EXPECT_FALSE(model_->is_training());
    const std::vector<std::string> texts = {"red cup", "left", "blue cup"};
    for (std::size_t i = 0; i < 3; ++i) {
      const Query& own = queries[i < 2 ? 0 : 1];
      const auto tokens = torch::tensor(tokenizer_.encode(texts[i], 9).ids, torch::kInt64);
      const at::Tensor cosine =
          support::naive::all_pairs(model_->encode_images(own.picture.unsqueeze(0)),
                                    model_->encode_texts(tokens.unsqueeze(0)))[0][0];
      const at::Tensor wanted =
          support::naive::bilinear(cosine.clamp_min(0), own.height, own.width, align);
      const at::Tensor got = i < 2 ? answers[0][0][static_cast<std::int64_t>(i)] : answers[1][0][0];
      EXPECT_TRUE(at::allclose(got.to(torch::kDouble), wanted, 1e-4, 1e-5)) << i;
    }
  }
}

TEST_F(ModelResponderTest, TakesTextsThatAreKeptAndEncodesOthers) {
  const torch::NoGradGuard no_grad;
  ModelResponder keeping = responder();
  keeping.keep_texts(1 << 20);
  ModelResponder plain = responder();
  const std::vector<Query> first = {query(10, 6, {"red cup", "left"}, {0, 1})};
  const at::Tensor before = keeping.respond(first)[0];
  EXPECT_TRUE(at::equal(before, plain.respond(first)[0]));
  // A model whose texts mean something else tells which were not asked for anew.
  negate_texts();
  const at::Tensor mixed = keeping.respond(
      std::vector<Query>{query(10, 6, {"left", "blue cup", "red cup"}, {1, 2, 0})})[0];
  EXPECT_TRUE(at::allclose(mixed[0][0], before[0][1], 1e-5, 1e-7));
  EXPECT_TRUE(at::allclose(mixed[0][2], before[0][0], 1e-5, 1e-7));
  const at::Tensor fresh = plain.respond(std::vector<Query>{query(10, 6, {"blue cup"}, {2})})[0];
  EXPECT_TRUE(at::allclose(mixed[0][1], fresh[0][0], 1e-5, 1e-7));
  EXPECT_FALSE(at::allclose(before, plain.respond(first)[0], 1e-3, 1e-5));

  ModelResponder full = responder();
  full.keep_texts(100);  // too few for one
  const at::Tensor once = full.respond(first)[0];
  negate_texts();
  EXPECT_TRUE(at::equal(full.respond(first)[0], plain.respond(first)[0]));
  EXPECT_FALSE(at::allclose(full.respond(first)[0], once, 1e-3, 1e-5));
}

TEST_F(ModelResponderTest, AnswersTogetherAsAlone) {
  ModelResponder responder = this->responder();
  const std::vector<Query> both = {query(10, 6, {"red cup", "left"}, {0, 1}),
                                   query(7, 9, {"blue cup"}, {2})};
  const std::vector<Query> first = {query(10, 6, {"left"}, {1})};
  const auto together = responder.respond(both);
  const auto alone = responder.respond(first);
  EXPECT_TRUE(at::allclose(together[0][0][1], alone[0][0][0], 1e-4, 1e-6));
}

TEST_F(ModelResponderTest, AnswersPreparedTextsAsOthers) {
  const std::vector<Query> queries = {query(10, 6, {"red cup", "left", "red cup"}, {0, 1, 2}),
                                      query(7, 9, {"blue cup left"}, {3})};
  ModelResponder plain = this->responder();
  const auto wanted = plain.respond(queries);
  ModelResponder prepared = this->responder();
  const std::vector<std::string> texts = {"blue cup left", "left", "red cup", "blue", "left"};
  core::Communicator alone;
  prepared.prepare(texts, alone);
  const auto got = prepared.respond(queries);
  prepared.prepare(std::vector<std::string>{"cup"},
                   alone);  // the others are encoded when they are asked
  const auto later = prepared.respond(queries);
  for (std::size_t i = 0; i < queries.size(); ++i) {
    EXPECT_TRUE(at::allclose(got[i], wanted[i], 1e-4, 1e-6)) << i;
    EXPECT_TRUE(at::allclose(later[i], wanted[i], 1e-4, 1e-6)) << i;
  }
}

TEST_F(ModelResponderTest, ComputesInBfloat16AndSaysHowFarThatIs) {
  const std::vector<Query> queries = {query(20, 16, {"red cup", "left"}, {0, 1})};
  const auto wanted = this->responder().respond(queries);
  ModelResponder low = {model_.ptr(),
                        tokenizer_,
                        {.device = torch::kCPU,
                         .text_length = 9,
                         .truncate = text::Truncate::kKeepEnd,
                         .precision = config::EvalPrecision::kBf16,
                         .align_corners = false}};
  testing::internal::CaptureStderr();
  const auto got = low.respond(queries);
  (void)low.respond(queries);
  const std::string log = testing::internal::GetCapturedStderr();
  const double apart = (got[0] - wanted[0]).abs().max().item<double>();
  EXPECT_GT(apart, 0);
  EXPECT_LT(apart, 0.05);
  EXPECT_THAT(log, HasSubstr("differ from fp32's by up to " + core::fixed(apart, 5)));
  EXPECT_EQ(log.find("eval.precision"), log.rfind("eval.precision"));  // once
}

TEST_F(ModelResponderTest, RefusesATextWithoutKnownWord) {
  ModelResponder responder = this->responder();
  const std::vector<Query> queries = {query(4, 4, {"green vase"}, {0})};
  EXPECT_THAT([&] { responder.respond(queries); },
              ThrowsMessage<core::UsageError>(
                  AllOf(HasSubstr("\"green vase\""), HasSubstr("knows 4 words"))));
}

class PCNetResponder : public ModelResponderTest {
 protected:
  at::Tensor answer(std::vector<std::vector<std::string>> cues, bool released = false) {
    torch::manual_seed(4);
    const model::PCNet model(support::tiny_model("improved"), tokenizer_.vocabulary_size());
    const torch::NoGradGuard no_grad;
    for (const auto& item : model->named_parameters()) {
      if (item.key().ends_with("_project.bias")) item.value().fill_(0.5);  // positive cosines
    }
    ModelResponder responder(model.ptr(), tokenizer_,
                             {.device = torch::kCPU,
                              .text_length = 9,
                              .truncate = text::Truncate::kKeepEnd,
                              .align_corners = true,
                              .released_resize = released});
    EXPECT_EQ(responder.cues_read(), 3);
    std::vector<Query> queries = {query(10, 6, {"red cup", "left"}, {0, 1})};
    queries[0].cues = std::move(cues);
    return responder.respond(queries)[0];
  }
};

TEST_F(PCNetResponder, AnswersEveryStage) {
  EXPECT_EQ(answer({}).sizes(), (at::IntArrayRef{3, 2, 10, 6}));
}

TEST_F(PCNetResponder, TakesTheTextForItsCueWhenThereIsNone) {
  EXPECT_TRUE(at::equal(answer({}), answer({{"red cup"}, {"left"}})));
  EXPECT_FALSE(at::allclose(answer({}), answer({{"red cup"}, {"blue"}})));
}

TEST_F(PCNetResponder, RepeatsCuesOfWhichThereAreFewer) {
  EXPECT_TRUE(at::equal(answer({{"red", "blue"}, {"cup"}}),
                        answer({{"red", "blue", "red"}, {"cup", "cup", "cup"}})));
}

TEST_F(PCNetResponder, ResizesAsReleasedWhenAsked) {
  EXPECT_FALSE(at::allclose(answer({}), answer({}, /*released=*/true)));
}

}  // namespace
}  // namespace pcnet::engine
