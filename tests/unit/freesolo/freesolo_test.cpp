#include "pcnet/freesolo/freesolo.h"

#include <gtest/gtest.h>

#include "support/tiny_freesolo.h"

namespace pcnet::freesolo {
namespace {

using image::PictureSize;

ProposeOptions small_input() {
  ProposeOptions options;
  options.input = {.shortest_side = 64, .longest_side = 100};
  options.selection.score = 0.001;
  return options;
}

image::Picture noise(std::int64_t height, std::int64_t width) {
  image::Picture picture(height, width);
  torch::manual_seed(7);
  const at::Tensor bytes = torch::randint(256, {height * width * 3}, at::kByte);
  std::copy_n(bytes.const_data_ptr<std::uint8_t>(), bytes.numel(), picture.rgb.begin());
  return picture;
}

TEST(InputSize, HasTheShortestSideUnlessTheLongestWouldBeTooLong) {
  const InputOptions options;
  EXPECT_EQ(input_size({480, 640}, options), (PictureSize{800, 1067}));
  EXPECT_EQ(input_size({640, 480}, options), (PictureSize{1067, 800}));
  EXPECT_EQ(input_size({500, 500}, options), (PictureSize{800, 800}));
  EXPECT_EQ(input_size({400, 1000}, options), (PictureSize{533, 1333}));
  EXPECT_EQ(input_size({1000, 400}, options), (PictureSize{1333, 533}));
  EXPECT_EQ(input_size({640, 850}, options), (PictureSize{800, 1063})) << "1062.5 px";
}

TEST(InputSize, MayBeAnyLengthWithoutABound) {
  EXPECT_EQ(input_size({400, 1000}, {.shortest_side = 800, .longest_side = 0}),
            (PictureSize{800, 2000}));
}

TEST(InputSize, IsOnePixelAtLeast) {
  EXPECT_EQ(input_size({1, 4000}, InputOptions{}), (PictureSize{1, 1333}));
}

TEST(MakeInput, PadsTheNormalisedPictureWithZerosToMultiplesOf32) {
  const image::Picture black(40, 50);
  const Input input = make_input(black, {.shortest_side = 40, .longest_side = 0}, at::kFloat);
  EXPECT_EQ(input.seen, (PictureSize{40, 50}));
  ASSERT_EQ(input.images.sizes(), (at::IntArrayRef{1, 3, 64, 64}));
  const at::Tensor first = input.images[0][0];
  EXPECT_TRUE(at::allclose(first.slice(0, 0, 40).slice(1, 0, 50),
                           torch::full({40, 50}, -123.675F / 58.395F)));
  EXPECT_EQ(first.abs().gt(0).sum().item<std::int64_t>(), 40 * 50);
}

TEST(Propose, GivesMasksOfThePicturesSizeTheBestFirst) {
  Freesolo network = support::filled_freesolo();
  const auto proposals = propose(network, noise(37, 50), small_input());
  ASSERT_GT(proposals.size(), 3U);
  for (std::size_t i = 0; i < proposals.size(); ++i) {
    EXPECT_EQ(proposals[i].mask.height, 37);
    EXPECT_EQ(proposals[i].mask.width, 50);
    EXPECT_GT(image::area(proposals[i].mask), 0);
    EXPECT_GE(proposals[i].score, 0.001);
    if (i > 0) {
      EXPECT_GE(proposals[i - 1].score, proposals[i].score);
    }
  }
}

TEST(Propose, GivesNothingWhereNoCellIsProbable) {
  Freesolo network = support::filled_freesolo();
  auto options = small_input();
  options.selection.probability = 1;
  EXPECT_TRUE(propose(network, noise(40, 40), options).empty());
}

TEST(Propose, SaysTheSameWithNormsFolded) {
  Freesolo network = support::filled_freesolo();
  const auto wanted = propose(network, noise(64, 64), small_input());
  network->fold_norms();
  const auto got = propose(network, noise(64, 64), small_input());
  ASSERT_EQ(got.size(), wanted.size());
  // Whether a pixel is in a mask counts in a score, and one may be near the threshold.
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i].score, wanted[i].score, 2e-3);
}

TEST(Freesolo, AnswersABatchAsItsImagesOneByOne) {
  const torch::NoGradGuard no_grad;
  Freesolo network = support::filled_freesolo();
  const at::Tensor images = torch::randn({2, 3, 64, 96});
  const auto both = network(images);
  for (std::int64_t b = 0; b < 2; ++b) {
    const auto alone = network(images.slice(0, b, b + 1));
    EXPECT_TRUE(at::allclose(both.mask_features[b], alone.mask_features[0], 1e-4, 1e-5));
    for (std::size_t i = 0; i < kLevels; ++i) {
      EXPECT_TRUE(at::allclose(both.cells.logits[i][b], alone.cells.logits[i][0], 1e-4, 1e-4));
      EXPECT_TRUE(at::allclose(both.cells.kernels[i][b], alone.cells.kernels[i][0], 1e-4, 1e-4));
    }
  }
}

}  // namespace
}  // namespace pcnet::freesolo
