#include "pcnet/serve/kept_images.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

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

TEST(ImagesUnderWay, AreHeldByOneAtATime) {
  using std::chrono::steady_clock;
  ImagesUnderWay all;
  const auto later = [](int milliseconds) {
    return steady_clock::now() + std::chrono::milliseconds(milliseconds);
  };
  auto first = std::make_unique<ImagesUnderWay::Hold>(all, "a", later(0));
  EXPECT_TRUE(first->is_held());
  EXPECT_FALSE(first->waited());
  EXPECT_TRUE(ImagesUnderWay::Hold(all, "b", later(0)).is_held());
  EXPECT_FALSE(ImagesUnderWay::Hold(all, "a", later(5)).is_held());  // nor does its end free it
  EXPECT_FALSE(ImagesUnderWay::Hold(all, "a", later(0)).is_held());

  constexpr int kWaiting = 6;
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::atomic<int> had = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kWaiting; ++i) {
    threads.emplace_back([&] {
      const ImagesUnderWay::Hold hold(all, "a", later(60'000));
      most = std::max<int>(most, ++inside);
      had += hold.is_held() && hold.waited() ? 1 : 0;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      --inside;
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // until all of them wait
  first.reset();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(had, kWaiting);
  EXPECT_EQ(most, 1);
}

}  // namespace
}  // namespace pcnet::serve
