#include "pcnet/model/cross_attention.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/gradients.h"
#include "support/lively.h"

namespace pcnet::model {
namespace {

using ::testing::UnorderedElementsAre;

constexpr std::int64_t kWidth = 4;

CrossAttention lively(const AttentionUses& uses = AttentionUses::all(), double input_scale = 1) {
  torch::manual_seed(1);
  CrossAttention attention(kWidth, uses, input_scale);
  attention->to(torch::kDouble);
  support::make_lively(*attention, 2);
  return attention;
}

at::Tensor cells(std::int64_t pictures, std::int64_t height = 2, std::int64_t width = 3) {
  return support::unit_features({pictures, kWidth, height, width}, /*dim=*/1, 3);
}

at::Tensor texts(std::int64_t pictures, std::int64_t count, std::uint64_t seed = 4) {
  return support::unit_features({pictures, count, kWidth}, /*dim=*/-1, seed);
}

std::vector<std::string> names(const AttentionUses& uses) {
  std::vector<std::string> found;
  for (const auto& item : CrossAttention(kWidth, uses)->named_children()) {
    found.push_back(item.key());
  }
  return found;
}

TEST(Attend, HasItsHandValues) {
  // C = 4: logits are half the products. Shares of exp(0), exp(ln 3): 1/4 and 3/4.
  const double two_ln3 = 2 * std::log(3.0);
  const at::Tensor query = torch::tensor({{1.0, 0.0, 0.0, 0.0}}, torch::kDouble);
  const at::Tensor keys =
      torch::tensor({{0.0, 0.0, 0.0, 0.0}, {two_ln3, 5.0, 0.0, 0.0}}, torch::kDouble).t();
  const at::Tensor values =
      torch::tensor({{4.0, 0.0, 1.0, 0.0}, {0.0, 4.0, 1.0, 0.0}}, torch::kDouble).t();
  EXPECT_TRUE(at::allclose(attend(query, keys, values),
                           torch::tensor({{1.0, 3.0, 1.0, 0.0}}, torch::kDouble)));
  const at::Tensor second_only = torch::tensor({{false, true}});
  EXPECT_TRUE(at::equal(attend(query, keys, values, second_only),
                        torch::tensor({{0.0, 4.0, 1.0, 0.0}}, torch::kDouble)));
}

TEST(CrossAttention, HasTheNamesOfReleasedCheckpoints) {
  std::vector<std::string> found;
  for (const auto& item : lively()->named_parameters()) found.push_back(item.key());
  std::vector<std::string> wanted;
  for (const std::string side : {"v_proj1", "v_proj2", "v_proj3", "v_output"}) {
    for (const char* tensor : {".0.weight", ".0.bias", ".1.weight", ".1.bias"}) {
      wanted.push_back(side + tensor);
    }
  }
  for (const std::string side : {"t_proj1", "t_proj2", "t_proj3", "t_output"}) {
    wanted.push_back(side + ".0.weight");
    wanted.push_back(side + ".0.bias");
  }
  EXPECT_THAT(found, ::testing::UnorderedElementsAreArray(wanted));
  EXPECT_TRUE(lively()->named_buffers().is_empty());
}

TEST(CrossAttention, HasOnlyTheProjectionsThatItsUsesNeed) {
  EXPECT_THAT(names({.vision_to_text = true}),
              UnorderedElementsAre("t_proj1", "v_proj2", "v_proj3", "t_output"));
  EXPECT_THAT(names({.text_to_text = true}),
              UnorderedElementsAre("t_proj1", "t_proj2", "t_proj3", "t_output"));
  EXPECT_THAT(names({.one_text = true}), UnorderedElementsAre("t_proj3", "t_output"));
  EXPECT_THAT(names({.text_to_vision = true}),
              UnorderedElementsAre("v_proj1", "t_proj2", "t_proj3", "v_output"));
}

TEST(CrossAttention, GivesATextThatSeesOneTextTheSoftmaxOfOneEntry) {
  CrossAttention attention = lively();
  const at::Tensor context = texts(3, 1, 5);
  EXPECT_TRUE(at::allclose(attention->one_text(context),
                           attention->text_to_text(texts(3, 1), context, {})));
}

TEST(CrossAttention, GivesCellsThatSeeOneTextTheBiasOfTheNormAlone) {
  CrossAttention attention = lively();
  const at::Tensor visual = cells(2);
  const at::Tensor text = texts(2, 1);
  // Two equal texts go the long way: every cell receives the same vector, which the norm removes.
  const at::Tensor long_way = attention->text_to_vision(visual, text.expand({2, 2, kWidth}));
  EXPECT_TRUE(at::allclose(attention->text_to_vision(visual, text), long_way, 0, 1e-9));
  EXPECT_TRUE(at::equal(attention->text_to_vision(visual, text),
                        attention->only_text_to_vision().expand_as(visual)));
  EXPECT_TRUE(at::equal(attention->only_text_to_vision().flatten(),
                        attention->named_parameters()["v_output.1.bias"]));
}

TEST(CrossAttention, SeesDifferentTextsDifferently) {
  CrossAttention attention = lively();
  const at::Tensor visual = cells(2);
  const at::Tensor bias = attention->only_text_to_vision();
  EXPECT_GT((attention->text_to_vision(visual, texts(2, 3)) - bias).abs().max().item<double>(),
            0.1);
}

TEST(CrossAttention, ScalesWhatItProjects) {
  CrossAttention plain = lively();
  CrossAttention scaled = lively(AttentionUses::all(), 2);
  const at::Tensor visual = cells(2);
  const at::Tensor text = texts(2, 3);
  EXPECT_TRUE(at::allclose(scaled->vision_to_text(text, scaled->look_at(visual)),
                           plain->vision_to_text(2 * text, plain->look_at(2 * visual))));
  EXPECT_TRUE(at::allclose(scaled->text_to_text(text, text, {}),
                           plain->text_to_text(2 * text, 2 * text, {})));
  EXPECT_TRUE(at::allclose(scaled->one_text(text), plain->one_text(2 * text)));
  EXPECT_TRUE(at::allclose(scaled->text_to_vision(visual, text),
                           plain->text_to_vision(2 * visual, 2 * text)));
  EXPECT_FALSE(at::allclose(scaled->one_text(text), plain->one_text(text)));
}

TEST(CrossAttention, HasTheGradientsOfItsDifferences) {
  CrossAttention attention = lively();
  const at::Tensor visual = cells(2);
  const at::Tensor text = texts(2, 3);
  const auto value = [&](const at::Tensor& v, const at::Tensor& t) {
    return attention->vision_to_text(t, attention->look_at(v)).pow(2).sum() +
           attention->text_to_text(t, t.flip(1), {}).pow(3).sum() +
           attention->text_to_vision(v, t).sin().sum();
  };
  EXPECT_LT(
      support::largest_gradient_fault([&](const at::Tensor& v) { return value(v, text); }, visual),
      1e-6);
  EXPECT_LT(
      support::largest_gradient_fault([&](const at::Tensor& t) { return value(visual, t); }, text),
      1e-6);
  EXPECT_LT(support::largest_parameter_fault(*attention, [&] { return value(visual, text); }),
            1e-6);
}

TEST(CrossAttention, StaysFiniteOnASingleCellAndOnAConstantMap) {
  CrossAttention attention = lively();
  for (const at::Tensor& map : {cells(1, 1, 1), at::ones({2, kWidth, 3, 2}, torch::kDouble)}) {
    const at::Tensor visual = map.clone().set_requires_grad(true);
    const at::Tensor text = texts(map.size(0), 2);
    const at::Tensor sum = attention->vision_to_text(text, attention->look_at(visual)).sum() +
                           attention->text_to_vision(visual, text).pow(2).sum();
    attention->zero_grad();
    sum.backward();
    EXPECT_TRUE(sum.isfinite().item<bool>());
    EXPECT_TRUE(visual.grad().isfinite().all().item<bool>());
    for (const auto& item : attention->named_parameters()) {
      EXPECT_TRUE(item->grad().isfinite().all().item<bool>()) << item.key();
    }
  }
}

}  // namespace
}  // namespace pcnet::model
