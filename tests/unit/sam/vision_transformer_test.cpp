#include "pcnet/sam/vision_transformer.h"

#include <cmath>

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace pcnet::sam {
namespace {

/// Attention of one square, a pair of cells at a time.
at::Tensor naive_attention(const at::Tensor& x, const RelativeAttention& module,
                           std::int64_t heads) {
  const auto named = module->named_parameters();
  const std::int64_t n = x.size(0);
  const std::int64_t width = x.size(2);
  const std::int64_t channels = width / heads;
  const at::Tensor packed =
      at::linear(x.view({n * n, width}), named["qkv.weight"], named["qkv.bias"]);
  at::Tensor out = torch::zeros({n * n, width}, x.options());
  for (std::int64_t head = 0; head < heads; ++head) {
    const auto part = [&](std::int64_t kind) {
      return packed.slice(1, kind * width + head * channels, kind * width + (head + 1) * channels);
    };
    at::Tensor scores = torch::empty({n * n, n * n}, x.options());
    for (std::int64_t i = 0; i < n * n; ++i) {
      for (std::int64_t j = 0; j < n * n; ++j) {
        const at::Tensor query = part(0)[i];
        scores[i][j] = query.dot(part(1)[j]) / std::sqrt(static_cast<double>(channels)) +
                       query.dot(named["rel_pos_h"][i / n - j / n + n - 1]) +
                       query.dot(named["rel_pos_w"][i % n - j % n + n - 1]);
      }
    }
    out.slice(1, head * channels, (head + 1) * channels).copy_(scores.softmax(1).mm(part(2)));
  }
  return at::linear(out, named["proj.weight"], named["proj.bias"]).view({n, n, width});
}

RelativeAttention lively(std::int64_t width, std::int64_t heads, std::int64_t side) {
  torch::manual_seed(1);
  RelativeAttention module(width, heads, side);
  for (auto& parameter : module->parameters()) parameter.normal_(0, 0.5);
  module->to(torch::kDouble);
  return module;
}

TEST(RelativeAttention, IsTheSumOfTheScoreAndBothPositions) {
  const torch::NoGradGuard no_grad;
  const RelativeAttention module = lively(6, 2, 3);
  const at::Tensor x = torch::randn({2, 3, 3, 6}, torch::kDouble);
  const at::Tensor got = RelativeAttention(module)->forward(x);
  for (std::int64_t i = 0; i < 2; ++i) {
    EXPECT_TRUE(at::allclose(got[i], naive_attention(x[i], module, 2), 0, 1e-12));
  }
}

TEST(RelativeAttention, IsTheSameInPieces) {
  // 56 x 56 cells: rows of queries are taken in several pieces.
  const torch::NoGradGuard no_grad;
  RelativeAttention module = lively(4, 2, 56);
  const at::Tensor x = torch::randn({1, 56, 56, 4}, torch::kDouble);
  const at::Tensor got = module->forward(x);
  const auto named = module->named_parameters();
  const at::Tensor packed = at::linear(x.view({3136, 4}), named["qkv.weight"], named["qkv.bias"]);
  const at::Tensor cells = torch::arange(3136, torch::kLong);
  const auto apart = [&](const at::Tensor& of) { return of.unsqueeze(1) - of.unsqueeze(0) + 55; };
  const at::Tensor rows = apart(cells.div(56, "floor"));
  const at::Tensor columns = apart(cells.remainder(56));
  std::vector<at::Tensor> heads;
  for (std::int64_t head = 0; head < 2; ++head) {
    const at::Tensor q = packed.slice(1, 2 * head, 2 * head + 2);
    const at::Tensor k = packed.slice(1, 4 + 2 * head, 6 + 2 * head);
    const at::Tensor v = packed.slice(1, 8 + 2 * head, 10 + 2 * head);
    const at::Tensor scores = q.mm(k.t()) / std::sqrt(2.0) +
                              q.mm(named["rel_pos_h"].t()).gather(1, rows) +
                              q.mm(named["rel_pos_w"].t()).gather(1, columns);
    heads.push_back(scores.softmax(1).mm(v));
  }
  const at::Tensor wanted = at::linear(at::cat(heads, 1), named["proj.weight"], named["proj.bias"]);
  EXPECT_TRUE(at::allclose(got.view({3136, 4}), wanted, 0, 1e-10));
}

TEST(Windows, ArePaddedRightAndBelowAndComeBack) {
  const at::Tensor x = torch::arange(1, 1 + 3 * 4).view({1, 3, 4, 1}).to(torch::kFloat);
  const at::Tensor windows = to_windows(x, 2);
  ASSERT_EQ(windows.sizes(), (std::vector<std::int64_t>{4, 2, 2, 1}));
  EXPECT_TRUE(windows[1].flatten().equal(torch::tensor({3.F, 4.F, 7.F, 8.F})));
  EXPECT_TRUE(windows[2].flatten().equal(torch::tensor({9.F, 10.F, 0.F, 0.F})));
  EXPECT_TRUE(from_windows(windows, 1, 3, 4).equal(x));
}

TEST(VitBlock, LetsPaddingTakePartInAWindow) {
  // Without queries and keys every score is equal: a window's mean counts its padding.
  const torch::NoGradGuard no_grad;
  VitBlock block(2, 1, /*window=*/2, /*grid=*/3);
  for (auto& parameter : block->parameters()) parameter.zero_();
  auto named = block->named_parameters();
  named["norm1.weight"].fill_(1);
  named["attn.qkv.weight"].slice(0, 4, 6).copy_(torch::eye(2));
  named["attn.proj.weight"].copy_(torch::eye(2));
  const at::Tensor x = torch::tensor({1.F, -1.F}).expand({1, 3, 3, 2}).contiguous();
  const at::Tensor added = block->forward(x) - x;             // the norm of each cell is (1, -1)
  EXPECT_NEAR(added[0][0][0][0].item<float>(), 1, 1e-4);      // a whole window
  EXPECT_NEAR(added[0][0][2][0].item<float>(), 0.5, 1e-4);    // half of it is padding
  EXPECT_NEAR(added[0][2][2][1].item<float>(), -0.25, 1e-4);  // three quarters are
}

}  // namespace
}  // namespace pcnet::sam
