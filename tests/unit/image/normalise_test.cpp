#include "pcnet/image/normalise.h"

#include <vector>

#include <gtest/gtest.h>
#include <torch/types.h>

namespace pcnet::image {
namespace {

at::Tensor bytes() {
  torch::manual_seed(3);
  return torch::randint(0, 256, {2, 3, 5, 7}, at::kByte);
}

double wanted(int value, std::int64_t channel) {
  const double mean[] = {0.485, 0.456, 0.406};
  const double deviation[] = {0.229, 0.224, 0.225};
  return (value / 255.0 - mean[channel]) / deviation[channel];
}

TEST(Normalise, TakesMeanAndDeviationFromEachChannel) {
  const at::Tensor images = bytes();
  for (const auto type : {at::kFloat, at::kDouble}) {
    const at::Tensor out = normalise(images, type);
    ASSERT_EQ(out.sizes(), images.sizes());
    ASSERT_EQ(out.scalar_type(), type);
    EXPECT_TRUE(out.is_contiguous(at::MemoryFormat::ChannelsLast));
    for (std::int64_t c = 0; c < 3; ++c) {
      for (std::int64_t x = 0; x < 7; ++x) {
        const int value = images[1][c][4][x].item<std::uint8_t>();
        EXPECT_NEAR(out[1][c][4][x].item<double>(), wanted(value, c), 1e-6);
      }
    }
  }
}

TEST(Normalise, DoesNotDependOnTheMemoryLayout) {
  const at::Tensor images = bytes();
  const at::Tensor last = images.contiguous(at::MemoryFormat::ChannelsLast);
  EXPECT_TRUE(at::equal(normalise(images, at::kFloat), normalise(last, at::kFloat)));
}

TEST(Normalise, TakesTheColoursThatAreGiven) {
  const Colours colours{{0.5, 0.25, 0}, {0.5, 0.125, 2}};
  const at::Tensor images = bytes();
  const at::Tensor out = normalise(images, at::kFloat, colours);
  for (std::int64_t c = 0; c < 3; ++c) {
    const auto at = static_cast<std::size_t>(c);
    const double value = images[0][c][2][3].item<std::uint8_t>() / 255.0;
    EXPECT_NEAR(out[0][c][2][3].item<double>(), (value - colours.mean[at]) / colours.deviation[at],
                1e-6);
  }
}

TEST(StackPictures, StacksAndKeepsThePixelsTogether) {
  const at::Tensor images = bytes();
  const std::vector<at::Tensor> pictures = {images[0], images[1]};
  const at::Tensor stacked = stack_pictures(pictures);
  EXPECT_TRUE(at::equal(stacked, images));
  EXPECT_TRUE(stacked.is_contiguous(at::MemoryFormat::ChannelsLast));
}

}  // namespace
}  // namespace pcnet::image
