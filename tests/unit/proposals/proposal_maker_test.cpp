#include "pcnet/proposals/proposal_maker.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "pcnet/core/device.h"
#include "pcnet/core/parallel.h"

#include "support/temporary_folder.h"
#include "support/tiny_sam.h"

namespace pcnet::proposals {
namespace {

image::Picture picture_of(int number) {
  image::Picture picture(40 + number, 64);
  for (std::size_t i = 0; i < picture.rgb.size(); ++i) {
    picture.rgb[i] = static_cast<std::uint8_t>(i * static_cast<std::size_t>(7 + number) % 251);
  }
  return picture;
}

TEST(SamMaker, GivesManyThreadsWhatItGivesOne) {
  const support::TemporaryFolder folder;
  support::write_sam(folder / "sam.safetensors");
  const auto maker = make_sam_maker(
      {.weights = folder / "sam.safetensors",
       .generator = {.points_per_side = 4, .predicted_iou = 0, .stability = 0, .box_nms = 1},
       .filter = {.min_area = 0}});
  EXPECT_EQ(maker->images_at_once(8), 1);  // a processor is busy with one
  constexpr int kImages = 8;
  std::vector<std::vector<data::ScoredProposal>> alone(kImages);
  std::vector<std::vector<data::ScoredProposal>> together(kImages);
  const auto make = [&](std::vector<std::vector<data::ScoredProposal>>& all) {
    return [&](std::int64_t i) {
      all[static_cast<std::size_t>(i)] = maker->propose(picture_of(static_cast<int>(i)));
    };
  };
  core::parallel_for(kImages, 1, make(alone));
  core::parallel_for(kImages, 4, make(together));
  std::size_t masks = 0;
  for (int i = 0; i < kImages; ++i) {
    const auto& one = alone[static_cast<std::size_t>(i)];
    const auto& other = together[static_cast<std::size_t>(i)];
    ASSERT_EQ(one.size(), other.size()) << i;
    masks += one.size();
    for (std::size_t k = 0; k < one.size(); ++k) {
      EXPECT_EQ(one[k].mask.counts, other[k].mask.counts) << i;
      EXPECT_EQ(one[k].predicted_iou, other[k].predicted_iou) << i;
    }
  }
  EXPECT_GT(masks, 2U * kImages);
  const PartSeconds seconds = maker->seconds();
  ASSERT_EQ(seconds.size(), 3U);
  for (const auto& [part, spent] : seconds) EXPECT_GT(spent, 0) << part;
}

}  // namespace
}  // namespace pcnet::proposals
