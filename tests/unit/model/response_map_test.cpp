#include "pcnet/model/response_map.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/losses/proposal_scores.h"

#include "support/naive.h"
#include "support/naive_referring.h"

namespace pcnet::model {
namespace {

namespace naive = support::naive;

at::Tensor random(at::IntArrayRef shape) {
  torch::manual_seed(7);
  return torch::randn(shape, torch::kDouble);
}

TEST(AllPairsCosine, IsTheNaiveLoop) {
  const at::Tensor visual = random({3, 5, 2, 4});
  const at::Tensor text = random({2, 5});
  EXPECT_TRUE(at::allclose(all_pairs_cosine(visual, text), naive::all_pairs(visual, text)));
}

TEST(AllPairsCosine, ReadsChannelsLastMemory) {
  const at::Tensor visual = random({2, 4, 3, 5});
  const at::Tensor last = visual.contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor text = random({3, 4});
  EXPECT_TRUE(at::allclose(all_pairs_cosine(last, text), naive::all_pairs(visual, text)));
}

TEST(Response, IsThePositivePart) {
  const at::Tensor map = response(torch::tensor({-0.5, 0.0, 0.25}));
  EXPECT_TRUE(at::equal(map, torch::tensor({0.0, 0.0, 0.25})));
}

TEST(Unit, HasLengthOneAndKeepsZero) {
  const at::Tensor x = torch::tensor({{3.0, 0.0}, {4.0, 0.0}}, torch::kDouble);
  EXPECT_TRUE(at::allclose(unit(x, 0), torch::tensor({{0.6, 0.0}, {0.8, 0.0}}, torch::kDouble)));
  EXPECT_TRUE(at::allclose(unit(x, 1), torch::tensor({{1.0, 0.0}, {1.0, 0.0}}, torch::kDouble)));
}

TEST(CellProducts, ComparesEachPictureWithItsOwnTexts) {
  const at::Tensor visual = random({3, 5, 2, 4});
  const at::Tensor texts = random({3, 2, 5});
  const at::Tensor products = cell_products(visual, texts);
  ASSERT_EQ(products.sizes(), (at::IntArrayRef{3, 2, 2, 4}));
  for (std::int64_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(at::allclose(products[i], naive::all_pairs(visual, texts[i])[i])) << i;
  }
}

TEST(ResizeAsReleased, IsTheNaiveFormula) {
  const at::Tensor logits = random({3, 2, 3});
  const at::Tensor maps =
      losses::normalised_response(resize_as_released(logits, 8, 5, 11), /*detach_maximum=*/false);
  ASSERT_EQ(maps.sizes(), (at::IntArrayRef{3, 5, 11}));
  for (std::int64_t m = 0; m < 3; ++m) {
    EXPECT_TRUE(at::allclose(maps[m], naive::released_map(logits[m], 8, 5, 11))) << m;
  }
}

TEST(ResizeAsReleased, CutsNegativeValuesAfterTheFirstResize) {
  // -1 and 1: half way between them the released map is still zero, that of one resize is not.
  const at::Tensor logits = torch::tensor({{{-1.0, 1.0}}}, torch::kDouble);
  const at::Tensor released = resize_as_released(logits, 4, 4, 4);
  EXPECT_TRUE(at::allclose(released[0][0], torch::tensor({0.0, 0.0, 0.5, 1.0}, torch::kDouble)));
  const at::Tensor once = resize_to_picture(response(logits), 4, 4, /*align_corners=*/true);
  EXPECT_TRUE(
      at::allclose(once[0][0], torch::tensor({0.0, 1.0 / 3, 2.0 / 3, 1.0}, torch::kDouble)));
}

TEST(ResizeToPicture, IsTheNaiveFormulaBothWays) {
  const at::Tensor maps = random({2, 3, 4});
  for (const bool align : {false, true}) {
    for (const auto& [height, width] : {std::pair{7, 10}, {3, 4}, {2, 3}, {1, 1}, {12, 5}}) {
      const at::Tensor resized = resize_to_picture(maps, height, width, align);
      ASSERT_EQ(resized.sizes(), (at::IntArrayRef{2, height, width}));
      for (std::int64_t m = 0; m < 2; ++m) {
        const at::Tensor wanted = naive::bilinear(maps[m], height, width, align);
        EXPECT_TRUE(at::allclose(resized[m], wanted)) << align << " " << height << " x " << width;
      }
    }
  }
}

TEST(ResizeToPicture, IsLibTorchs) {
  const at::Tensor maps = torch::rand({3, 10, 7});
  for (const bool align : {false, true}) {
    for (const auto& [height, width] : {std::pair{480, 641}, {10, 7}, {4, 3}, {1, 9}}) {
      const at::Tensor wanted =
          at::upsample_bilinear2d(maps.unsqueeze(1), {height, width}, align).squeeze(1);
      EXPECT_LT((resize_to_picture(maps, height, width, align) - wanted).abs().max().item<float>(),
                1e-6)
          << align << " " << height << " x " << width;
    }
  }
}

TEST(ResizeToPicture, HasAGradient) {
  const at::Tensor maps = torch::rand({2, 3, 4}).requires_grad_();
  const at::Tensor top = torch::rand({2, 7, 9});
  (resize_to_picture(maps, 7, 9, false) * top).sum().backward();
  const at::Tensor wanted =
      at::upsample_bilinear2d_backward(top.unsqueeze(1), {7, 9}, {2, 1, 3, 4}, false).squeeze(1);
  EXPECT_TRUE(at::allclose(maps.grad(), wanted));
}

TEST(ResizeToPicture, HasItsHandValues) {
  const at::Tensor map = torch::tensor({{{0.0, 1.0}}});
  const at::Tensor corners = resize_to_picture(map, 1, 4, true);
  EXPECT_TRUE(at::allclose(corners, torch::tensor({{{0.0, 1.0 / 3, 2.0 / 3, 1.0}}})));
  const at::Tensor cells = resize_to_picture(map, 1, 4, false);
  EXPECT_TRUE(at::allclose(cells, torch::tensor({{{0.0, 0.25, 0.75, 1.0}}})));
}

TEST(ResizeToPicture, KeepsSingleMapsAndCells) {
  const at::Tensor resized = resize_to_picture(torch::full({1, 1, 1}, 0.5), 2, 3, true);
  EXPECT_TRUE(at::equal(resized, torch::full({1, 2, 3}, 0.5)));
}

}  // namespace
}  // namespace pcnet::model
