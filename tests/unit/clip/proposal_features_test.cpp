#include "pcnet/clip/proposal_features.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"

#include "support/hand_dataset.h"
#include "support/lively.h"
#include "support/tiny.h"

namespace pcnet::clip {
namespace {

constexpr std::int64_t kHeight = 45;
constexpr std::int64_t kWidth = 70;
constexpr std::int64_t kSide = 32;  // of the tiny CLIP

image::Picture picture() {
  image::Picture made(kHeight, kWidth);
  torch::manual_seed(4);
  const at::Tensor noise = torch::randint(0, 256, {static_cast<std::int64_t>(made.rgb.size())});
  for (std::size_t i = 0; i < made.rgb.size(); ++i) {
    made.rgb[i] = noise[static_cast<std::int64_t>(i)].item<std::uint8_t>();
  }
  return made;
}

/// A rectangle with a hole, and one at the picture's border.
std::vector<image::Rle> proposals() {
  image::Mask holed = support::rectangle_mask(kHeight, kWidth, {10, 4, 41, 20});
  for (std::int64_t x = 20; x < 30; ++x) holed.at(9, x) = 0;
  return {image::encode(holed),
          image::encode(support::rectangle_mask(kHeight, kWidth, {60, 30, 10, 15}))};
}

ClipImpl& tiny() {
  static Clip clip = [] {
    Clip made(support::tiny_clip(), /*vocabulary_size=*/7);
    support::make_lively(*made, 2);
    made->eval();
    return made;
  }();
  return *clip;
}

/// [3, H, W] in double: each pixel by itself, and the fill where the mask is 0.
at::Tensor masked_by_hand(const image::Rle& proposal, const CropLook& look) {
  const image::Picture from = picture();
  const image::Mask mask = image::decode(proposal);
  at::Tensor pixels = torch::zeros({3, kHeight, kWidth}, torch::kDouble);
  for (std::int64_t y = 0; y < kHeight; ++y) {
    for (std::int64_t x = 0; x < kWidth; ++x) {
      for (std::size_t c = 0; c < 3; ++c) {
        const double value =
            (from.pixel(y, x)[c] / 255.0 - look.colours.mean[c]) / look.colours.deviation[c];
        pixels[static_cast<std::int64_t>(c)][y][x] = mask.at(y, x) != 0 ? value : look.fill[c];
      }
    }
  }
  return pixels;
}

/// Keys' cubic with a = -1/2, Pillow's.
double cubic(double x) {
  const double t = std::abs(x);
  if (t < 1) return 1.5 * t * t * t - 2.5 * t * t + 1;
  return t < 2 ? -0.5 * (t * t * t - 5 * t * t + 8 * t - 4) : 0;
}

/// [to, from]: the weights of a side that is resized with anti-aliasing.
at::Tensor cubic_weights(std::int64_t from, std::int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double wide = std::max(scale, 1.0);
  at::Tensor weights = torch::zeros({to, from}, torch::kDouble);
  for (std::int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    for (std::int64_t x = 0; x < from; ++x) {
      weights[i][x] = cubic((static_cast<double>(x) + 0.5 - centre) / wide);
    }
  }
  return weights / weights.sum(/*dim=*/1, /*keepdim=*/true);
}

/// [3, h, w] -> [1, 3, side, side] float
at::Tensor resized_by_hand(const at::Tensor& x) {
  return cubic_weights(x.size(1), kSide)
      .matmul(x)
      .matmul(cubic_weights(x.size(2), kSide).t())
      .unsqueeze(0)
      .to(torch::kFloat);
}

at::Tensor crop_by_hand(const image::Rle& proposal, const CropLook& look) {
  const auto [x, y, width, height] = image::bounding_box(proposal);
  return resized_by_hand(
      masked_by_hand(proposal, look).slice(1, y, y + height).slice(2, x, x + width));
}

void expect_near(const at::Tensor& got, const at::Tensor& wanted) {
  ASSERT_EQ(got.sizes(), wanted.sizes());
  EXPECT_LT((got - wanted).abs().max().item<double>(), 2e-5);
}

TEST(ProposalFeatures, AreTheUnitFeaturesOfTheMaskedCrops) {
  const torch::NoGradGuard no_grad;
  for (const CropLook& look : {kClipCrops, kZeroShotCrops}) {
    const at::Tensor got = crop_features(tiny(), picture(), proposals(), look);
    std::vector<at::Tensor> wanted;
    for (const auto& proposal : proposals()) {
      const at::Tensor feature = tiny().encode_image(crop_by_hand(proposal, look));
      wanted.push_back(feature / feature.norm());
    }
    expect_near(got, at::cat(wanted));
  }
}

TEST(ProposalFeatures, FillWhatIsOutsideAfterThePictureIsNormalised) {
  const at::Tensor pixels =
      masked_by_hand(proposals()[0], CropLook{.colours = image::kClipColours}).unsqueeze(0);
  const at::Tensor crops = masked_crops(torch::full_like(pixels, 3), proposals(), kSide,
                                        {.colours = {}, .fill = {1, 2, 5}});
  EXPECT_EQ(crops.sizes(), (at::IntArrayRef{2, 3, kSide, kSide}));
  EXPECT_LT((crops[1] - 3).abs().max().item<double>(), 1e-9);  // its box is full
  EXPECT_GT((crops[0] - 3).abs().max().item<double>(), 0.1);   // the hole is not
  EXPECT_LT(crops[0][0].min().item<double>(), 2.9);
  EXPECT_GT(crops[0][2].max().item<double>(), 3.1);
}

TEST(ProposalFeatures, PoolUnitCellsTimesTheirShareOfTheMask) {
  const torch::NoGradGuard no_grad;
  const auto& colours = image::kImageNetColours;
  const image::Rle whole =
      image::encode(support::rectangle_mask(kHeight, kWidth, {0, 0, kWidth, kHeight}));
  const at::Tensor grid = tiny().encode_image_grid(
      resized_by_hand(masked_by_hand(whole, {.colours = colours})));  // [1, 128, 2, 2]
  std::vector<at::Tensor> wanted;
  for (const auto& proposal : proposals()) {
    const image::Mask mask = image::decode(proposal);
    at::Tensor cells = grid.clone();
    for (std::int64_t row = 0; row < 2; ++row) {
      for (std::int64_t column = 0; column < 2; ++column) {
        // Four pixels round the cell's centre.
        const double y = (static_cast<double>(row) + 0.5) * kHeight / 2 - 0.5;
        const double x = (static_cast<double>(column) + 0.5) * kWidth / 2 - 0.5;
        const auto top = static_cast<std::int64_t>(y);
        const auto left = static_cast<std::int64_t>(x);
        double share = 0;
        for (std::int64_t v = top; v <= top + 1; ++v) {
          for (std::int64_t u = left; u <= left + 1; ++u) {
            share += mask.at(v, u) * (1 - std::abs(y - static_cast<double>(v))) *
                     (1 - std::abs(x - static_cast<double>(u)));
          }
        }
        auto cell = cells.select(2, row).select(2, column);  // [1, 128]
        cell.mul_(share / cell.norm().item<double>());
      }
    }
    wanted.push_back(tiny().visual()->pool(cells));
  }
  const at::Tensor got = context_features(tiny(), picture(), proposals(), colours);
  expect_near(got, at::cat(wanted));
  EXPECT_GT((got[0] - got[1]).abs().max().item<double>(), 1e-3);
}

TEST(ProposalFeatures, AreTheSameForManyProposals) {
  const std::vector<image::Rle> two = proposals();
  std::vector<image::Rle> many;
  for (int i = 0; i < 70; ++i) many.push_back(two[static_cast<std::size_t>(i % 2)]);
  const at::Tensor few = crop_features(tiny(), picture(), two, kClipCrops);
  const at::Tensor all = crop_features(tiny(), picture(), many, kClipCrops);
  expect_near(all, few.repeat({35, 1}));
  EXPECT_EQ(crop_features(tiny(), picture(), {}, kClipCrops).sizes(), (at::IntArrayRef{0, 12}));
}

TEST(ProposalFeatures, RefuseProposalsThatDoNotFit) {
  const std::vector<image::Rle> empty = {image::encode(image::Mask(kHeight, kWidth))};
  const std::vector<image::Rle> other = {
      image::encode(support::rectangle_mask(kHeight, kWidth + 1, {0, 0, 4, 4}))};
  for (const auto& wrong : {empty, other}) {
    EXPECT_THROW(crop_features(tiny(), picture(), wrong, kClipCrops), core::Error);
    EXPECT_THROW(context_features(tiny(), picture(), wrong, image::kClipColours), core::Error);
  }
}

}  // namespace
}  // namespace pcnet::clip
