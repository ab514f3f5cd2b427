#include "pcnet/clip/clip.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"

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

TEST(ResidualAttentionBlock, IsTheNaiveLoopWithPackedWeightsToo) {
  torch::manual_seed(2);
  ResidualAttentionBlock block(/*width=*/40, /*heads=*/2, /*layers=*/3);
  naive::Weights weights;
  const torch::NoGradGuard no_grad;
  for (auto& item : block->named_parameters()) {
    item->add_(torch::randn_like(item.value()) * 0.1);
    weights[item.key()] = item.value();
  }
  // Few tokens, which one thread takes, and more than that.
  for (const std::vector<EqualTexts>& groups :
       std::vector<std::vector<EqualTexts>>{{{2, 3}, {3, 5}}, {{60, 2}, {1, 1}, {7, 4}}}) {
    std::int64_t rows = 0;
    for (const auto& group : groups) rows += group.count * group.length;
    const at::Tensor x = torch::randn({rows, 40});
    const std::vector<at::Tensor> in = split_texts(x, groups);
    for (const at::Tensor& answer : {block(x, groups), block->forward_packed(x, groups)}) {
      const std::vector<at::Tensor> out = split_texts(answer.to(torch::kDouble), groups);
      for (std::size_t i = 0; i < groups.size(); ++i) {
        ASSERT_EQ(in[i].sizes(), (at::IntArrayRef{groups[i].count, groups[i].length, 40}));
        for (std::int64_t m = 0; m < groups[i].count; ++m) {
          EXPECT_TRUE(at::allclose(out[i][m], naive::text_block(in[i][m], weights, 2), 1e-4, 1e-5))
              << i << ", " << m;
        }
      }
    }
  }
}

TEST(Transformer, LetsNoTokenSeeALaterOne) {
  torch::manual_seed(3);
  Transformer transformer(support::tiny_clip().text);
  const std::vector<EqualTexts> groups = {{2, 6}};
  at::Tensor x = torch::randn({2, 6, 8});
  const auto answer = [&] { return transformer(x.flatten(0, 1), groups).view({2, 6, 8}); };
  const at::Tensor before = answer();
  x = x.clone();
  x.select(1, 4).add_(torch::randn({2, 8}));
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
  at::Tensor weight = clip->named_parameters()["transformer.resblocks.0.mlp.c_fc.weight"];
  auto* values = weight.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < weight.numel(); ++i) values[i] *= factor;
}

TEST(EncodeText, TakesPackedWeightsWithoutGradientsAlone) {
  Clip clip = tiny();
  const at::Tensor tokens = ids({{5, 1, 2, 6, 0}, {5, 3, 6, 0, 0}, {5, 4, 3, 1, 6}});
  clip->eval();
  const at::Tensor wanted = clip->encode_text(tokens).detach();
  const auto is_wanted = [&] {
    const at::Tensor got = clip->encode_text(tokens);
    return (got - wanted).abs().max().item<float>() < 1e-5F * wanted.abs().max().item<float>();
  };
  clip->set_folded(true);
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
