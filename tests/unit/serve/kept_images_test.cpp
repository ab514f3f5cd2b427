#include "pcnet/serve/kept_images.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace pcnet::serve {
namespace {

std::shared_ptr<const KeptImage> image_of(std::int64_t values) {
  auto image = std::make_shared<KeptImage>();
  image->seen = {torch::zeros({values})};
  return image;
}

TEST(KeptImage, CountsAllThatTheModelMadeOfIt) {
  KeptImage image;
  const std::int64_t itself = image.bytes();
  image.seen = {torch::zeros({3, 2}), torch::zeros({5}), torch::zeros({4}, torch::kDouble)};
  EXPECT_EQ(image.bytes() - itself, 24 + 20 + 32);
}

TEST(KeptImages, FindsWhatItKeeps) {
  KeptImages kept(1 << 20);
  EXPECT_EQ(kept.find("a"), nullptr);
  const auto image = image_of(10);
  kept.keep("a", image);
  EXPECT_EQ(kept.find("a"), image);
  EXPECT_EQ(kept.count(), 1);
  EXPECT_EQ(kept.bytes(), image->bytes());
}

TEST(KeptImages, LetsGoOfWhatWasNotAskedAboutForLongest) {
  const std::int64_t each = image_of(1000)->bytes();
  KeptImages kept(2 * each);
  kept.keep("a", image_of(1000));
  kept.keep("b", image_of(1000));
  EXPECT_NE(kept.find("a"), nullptr);  // b is now the older one
  kept.keep("c", image_of(1000));
  EXPECT_NE(kept.find("a"), nullptr);
  EXPECT_EQ(kept.find("b"), nullptr);
  EXPECT_NE(kept.find("c"), nullptr);
  EXPECT_EQ(kept.bytes(), 2 * each);
}

TEST(KeptImages, CountsAnImageThatGrewOnce) {
  KeptImages kept(1 << 20);
  kept.keep("a", image_of(10));
  const auto larger = image_of(500);
  kept.keep("a", larger);
  EXPECT_EQ(kept.count(), 1);
  EXPECT_EQ(kept.bytes(), larger->bytes());
  EXPECT_EQ(kept.find("a"), larger);
}

TEST(KeptImages, KeepsNothingThatAloneIsTooLarge) {
  KeptImages kept(1000);
  kept.keep("a", image_of(10));
  kept.keep("b", image_of(100'000));
  EXPECT_EQ(kept.count(), 0);
  EXPECT_EQ(kept.bytes(), 0);
  EXPECT_EQ(kept.find("b"), nullptr);
}

}  // namespace
}  // namespace pcnet::serve
