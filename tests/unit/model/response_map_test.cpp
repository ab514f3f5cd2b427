#include "pcnet/model/response_map.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/naive.h"

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

TEST(OwnPictureCosine, TakesEachTextsOwnPicture) {
  const at::Tensor visual = random({3, 5, 2, 4});
  const at::Tensor text = random({4, 5});
  const at::Tensor picture = torch::tensor({2, 0, 2, 1}, torch::kInt64);
  const at::Tensor own = own_picture_cosine(visual, text, picture);
  const at::Tensor all = naive::all_pairs(visual, text);
  ASSERT_EQ(own.sizes(), (at::IntArrayRef{4, 2, 4}));
  for (std::int64_t m = 0; m < 4; ++m) {
    EXPECT_TRUE(at::allclose(own[m], all[picture[m].item<std::int64_t>()][m])) << m;
  }
}

TEST(Response, IsThePositivePart) {
  const at::Tensor map = response(torch::tensor({-0.5, 0.0, 0.25}));
  EXPECT_TRUE(at::equal(map, torch::tensor({0.0, 0.0, 0.25})));
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
