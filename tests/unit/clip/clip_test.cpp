#include "pcnet/clip/clip.h"

#include <vector>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

#include "src/core/panel_product.h"
#include "support/naive.h"
#include "support/tiny.h"

namespace pcnet::clip {
namespace {

namespace naive = support::naive;

constexpr std::int64_t kVocabulary = 7;  // 0 padding, 1 to 4 words, 5 start, 6 end

Clip tiny() {
  torch::manual_seed(1);
  Clip clip(support::tiny_clip(), kVocabulary);
  const torch::NoGradGuard no_grad;
  for (auto& parameter : clip->parameters()) parameter.add_(torch::randn_like(parameter) * 0.2);
  return clip;
}

at::Tensor ids(const std::vector<std::vector<std::int64_t>>& rows) {
  std::vector<at::Tensor> tensors;
  for (const auto& row : rows) tensors.push_back(torch::tensor(row, torch::kInt64));
  return at::stack(tensors);
}

/// Rows that texts share at random: the row before each, -1 for the first of a text.
at::Tensor some_tree(std::int64_t rows) {
  std::vector<std::int64_t> before;
  for (std::int64_t i = 0; i < rows; ++i) {
    before.push_back(torch::randint(-1, i, {1}, torch::kInt64).item<std::int64_t>());
  }
  return torch::tensor(before, torch::kInt64);
}

/// The row and those before it in its text, in order.
at::Tensor path_to(std::int64_t row, const at::Tensor& before) {
  std::vector<std::int64_t> path;
  for (; row >= 0; row = before[row].item<std::int64_t>()) path.insert(path.begin(), row);
  return torch::tensor(path, torch::kInt64);
}

/// -1, 0, 1, ...: texts of `length` rows each that share none.
at::Tensor chains(std::int64_t texts, std::int64_t length) {
  const at::Tensor before = torch::arange(texts * length, torch::kInt64) - 1;
  before.view({texts, length}).select(1, 0).fill_(-1);
  return before;
}

class TextBlock : public ::testing::Test {
 protected:
  TextBlock() {
    torch::manual_seed(2);
    const torch::NoGradGuard no_grad;
    for (auto& item : block_->named_parameters()) {
      item->add_(torch::randn_like(item.value()) * 0.1);
      weights_[item.key()] = item.value();
    }
  }
  void expect_naive(const at::Tensor& out, const at::Tensor& x, std::int64_t row,
                    const at::Tensor& before) {
    const at::Tensor in = x.index_select(0, path_to(row, before));
    const at::Tensor wanted = naive::text_block(in, weights_, 2)[-1];
    EXPECT_TRUE(at::allclose(out.to(torch::kDouble), wanted, 1e-4, 1e-5)) << row;
  }
  ResidualAttentionBlock block_{/*width=*/40, /*heads=*/2, /*layers=*/3};
  naive::Weights weights_;
};

TEST_F(TextBlock, IsTheNaiveLoopOverWhatEachRowSees) {
  const torch::NoGradGuard no_grad;
  for (const std::int64_t rows : {1, 23}) {
    const TokenRows tree{.before = some_tree(rows), .length = 0, .ends = {}};
    const at::Tensor x = torch::randn({rows, 40});
    for (const bool training : {true, false}) {  // packed in evaluation
      block_->train(training);
      const at::Tensor out = block_(x, tree, at::Tensor());
      ASSERT_EQ(out.sizes(), x.sizes());
      for (std::int64_t i = 0; i < rows; ++i) expect_naive(out[i], x, i, tree.before);
    }
  }
}

TEST_F(TextBlock, AnswersForTheWantedRowsAlone) {
  const torch::NoGradGuard no_grad;
  const TokenRows tree{.before = some_tree(19), .length = 0, .ends = {}};
  const at::Tensor x = torch::randn({19, 40});
  const at::Tensor wanted = torch::tensor({18, 0, 7}, torch::kInt64);
  for (const bool training : {true, false}) {
    block_->train(training);
    const at::Tensor out = block_(x, tree, wanted);
    ASSERT_EQ(out.sizes(), (at::IntArrayRef{3, 40}));
    for (std::int64_t i = 0; i < 3; ++i) {
      expect_naive(out[i], x, wanted[i].item<std::int64_t>(), tree.before);
    }
  }
}

TEST_F(TextBlock, IsTheNaiveLoopForTextsOfOneLengthToo) {
  const torch::NoGradGuard no_grad;
  const at::Tensor x = torch::randn({15, 40});
  const at::Tensor wanted = torch::tensor({2, 13}, torch::kInt64);
  const at::Tensor out = block_(x, TokenRows{.before = {}, .length = 5, .ends = {}}, at::Tensor());
  for (std::int64_t i = 0; i < 15; ++i) expect_naive(out[i], x, i, chains(3, 5));
  const at::Tensor some = block_(x, TokenRows{.before = {}, .length = 5, .ends = {}}, wanted);
  EXPECT_TRUE(at::allclose(some, out.index_select(0, wanted), 1e-5, 1e-6));
}

/// All gradients of a weighted sum of what the texts' ends are given, that of x last.
std::vector<at::Tensor> gradients(Transformer& transformer, const at::Tensor& x,
                                  const TokenRows& rows) {
  std::vector<at::Tensor> inputs = transformer->parameters();
  inputs.push_back(x.detach().requires_grad_());
  const at::Tensor out = transformer(inputs.back(), rows);
  const at::Tensor weights = at::arange(out.numel(), out.options()).view_as(out).cos();
  return torch::autograd::grad({(out * weights).sum()}, inputs);
}

TEST(Transformer, HasTheGradientOfLibTorchsAttention) {
  torch::manual_seed(4);
  Transformer transformer(support::tiny_clip().text);
  transformer->to(torch::kDouble);
  const at::Tensor x = torch::randn({24, 8}, torch::kDouble);
  const at::Tensor ends = torch::tensor({5, 9, 17, 23}, torch::kInt64);
  const auto theirs = gradients(transformer, x, {.before = {}, .length = 6, .ends = ends});
  const auto ours = gradients(transformer, x, {.before = chains(4, 6), .length = 0, .ends = ends});
  ASSERT_EQ(ours.size(), theirs.size());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    EXPECT_GT(theirs[i].abs().max().item<double>(), 1e-6) << i;
    EXPECT_TRUE(at::allclose(ours[i], theirs[i], 1e-10, 1e-12)) << i;
  }
}

TEST(Transformer, LetsNoTokenSeeALaterOne) {
  torch::manual_seed(3);
  Transformer transformer(support::tiny_clip().text);
  at::Tensor x = torch::randn({12, 8});
  const TokenRows rows{
      .before = chains(2, 6), .length = 0, .ends = torch::arange(12, torch::kInt64)};
  const auto answer = [&] { return transformer(x, rows).view({2, 6, 8}); };
  const at::Tensor before = answer();
  x = x.clone();
  x.view({2, 6, 8}).select(1, 4).add_(torch::randn({2, 8}));
  const at::Tensor after = answer();
  EXPECT_TRUE(at::allclose(before.slice(1, 0, 4), after.slice(1, 0, 4), 1e-6, 1e-7));
  EXPECT_GT((before - after).select(1, 4).abs().max().item<float>(), 0.1F);
  EXPECT_GT((before - after).select(1, 5).abs().max().item<float>(), 1e-4F);
}

TEST(Transformer, RefusesHeadsThatDoNotDivideTheWidth) {
  config::TextOptions options = support::tiny_clip().text;
  options.heads = 3;
  EXPECT_THROW(Transformer{options}, core::ConfigError);
}

TEST(EncodeText, DoesNotDependOnPadding) {
  Clip clip = tiny();
  const at::Tensor padded = clip->encode_text(ids({{5, 1, 2, 6, 0, 0, 0}, {5, 3, 6, 0, 0, 0, 0}}));
  ASSERT_EQ(padded.sizes(), (at::IntArrayRef{2, 12}));
  EXPECT_TRUE(at::allclose(padded[0], clip->encode_text(ids({{5, 1, 2, 6}}))[0], 1e-5, 1e-6));
  EXPECT_TRUE(at::allclose(padded[1], clip->encode_text(ids({{5, 3, 6}}))[0], 1e-5, 1e-6));
}

/// Writes a weight without leaving a trace, as nothing does but this test.
void scale_unseen(Clip& clip, float factor) {
  for (const char* name : {"attn.in_proj_weight", "mlp.c_fc.weight"}) {
    at::Tensor weight = clip->named_parameters()[core::cat("transformer.resblocks.0.", name)];
    auto* values = weight.mutable_data_ptr<float>();
    for (std::int64_t i = 0; i < weight.numel(); ++i) values[i] *= factor;
  }
}

TEST(EncodeText, TakesPackedWeightsWithoutGradientsAlone) {
  if (!core::has_panel_product()) GTEST_SKIP() << "the processor has no AVX2";
  Clip clip = tiny();
  const at::Tensor tokens = ids({{5, 1, 2, 6, 0}, {5, 3, 6, 0, 0}, {5, 4, 3, 1, 6}});
  clip->eval();
  const at::Tensor wanted = clip->encode_text(tokens).detach();
  const auto is_wanted = [&] {
    const at::Tensor got = clip->encode_text(tokens);
    return (got - wanted).abs().max().item<float>() < 1e-5F * wanted.abs().max().item<float>();
  };
  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(is_wanted());
  scale_unseen(clip, 2);
  EXPECT_TRUE(is_wanted());  // they were packed before
  {
    const torch::AutoGradMode gradients(true);
    EXPECT_FALSE(is_wanted());
  }
  clip->train();
  EXPECT_FALSE(is_wanted());
  scale_unseen(clip, 0.5);
  EXPECT_TRUE(is_wanted());
  scale_unseen(clip, 2);
  clip->eval();
  EXPECT_FALSE(is_wanted());  // training forgot what was packed
}

TEST(EncodeText, DependsOnWordsAndTheirOrder) {
  Clip clip = tiny();
  const at::Tensor out = clip->encode_text(ids({{5, 1, 2, 6}, {5, 2, 1, 6}, {5, 1, 3, 6}}));
  EXPECT_GT((out[0] - out[1]).abs().max().item<float>(), 1e-3F);
  EXPECT_GT((out[0] - out[2]).abs().max().item<float>(), 1e-3F);
}

TEST(EncodeText, LosesTheTextWithoutItsEndToken) {
  // What `truncate: cut` does: the start token is the greatest id, and it sees nothing else.
  Clip clip = tiny();
  const at::Tensor out = clip->encode_text(ids({{5, 1, 2, 3}, {5, 4, 1, 1}}));
  EXPECT_TRUE(at::allclose(out[0], out[1], 1e-6, 1e-7));
}

TEST(EncodeText, RefusesTextsLongerThanTheContext) {
  Clip clip = tiny();
  EXPECT_NO_THROW(clip->encode_text(torch::ones({1, 9}, torch::kInt64)));
  EXPECT_THROW(clip->encode_text(torch::ones({1, 10}, torch::kInt64)), core::Error);
}

TEST(Clip, GivesEveryParameterAGradient) {
  Clip clip = tiny();
  clip->train();
  const at::Tensor images = torch::randn({3, 3, 32, 32});
  const at::Tensor pooled = clip->encode_image(images);
  ASSERT_EQ(pooled.sizes(), (at::IntArrayRef{3, 12}));
  const at::Tensor text = clip->encode_text(ids({{5, 1, 2, 3, 4, 6, 0, 0, 0}}));
  (pooled.pow(2).sum() + text.pow(2).sum()).backward();
  for (const auto& item : clip->named_parameters()) {
    if (item.key() == "logit_scale") continue;  // no encoder uses it
    ASSERT_TRUE(item->grad().defined()) << item.key();
    // A bias added to all keys alike changes no softmax.
    if (item.key() == "visual.attnpool.k_proj.bias") continue;
    EXPECT_GT(item->grad().abs().max().item<float>(), 1e-7F) << item.key();
  }
}

TEST(Clip, AnswersABatchAsItsTextsOneByOne) {
  Clip clip = tiny();
  clip->eval();
  const at::Tensor tokens = ids({{5, 1, 2, 6}, {5, 3, 6, 0}, {5, 4, 4, 6}});
  const at::Tensor batched = clip->encode_text(tokens);
  for (std::int64_t i = 0; i < 3; ++i) {
    const at::Tensor alone = clip->encode_text(tokens.slice(0, i, i + 1));
    EXPECT_TRUE(at::allclose(batched[i], alone[0], 1e-5, 1e-6)) << i;
  }
}

}  // namespace
}  // namespace pcnet::clip
