#include "pcnet/engine/segmentor.h"

#include <gtest/gtest.h>

#include "support/hand_dataset.h"

namespace pcnet::engine {
namespace {

using support::rectangle_mask;
using Bytes = std::vector<std::uint8_t>;

TEST(ThresholdMask, TakesPixelsAboveTheShareOfTheMaximum) {
  const std::vector<float> map = {0, 0.1F, 0.2F, 0.21F, 0.4F, 0};
  EXPECT_EQ(threshold_mask(map, 2, 3, 0.4F, 0.5).data, (Bytes{0, 0, 0, 1, 1, 0}));
  EXPECT_EQ(threshold_mask(map, 2, 3, 0.4F, 1e-9).data, (Bytes{0, 1, 1, 1, 1, 0}));
  EXPECT_EQ(threshold_mask(map, 2, 3, 0.4F, 0).data, (Bytes{0, 1, 1, 1, 1, 0}));
  // The maximum itself, divided by (maximum + 1e-5), stays below 1.
  EXPECT_EQ(count(threshold_mask(map, 2, 3, 0.4F, 1)), 0);
}

TEST(ThresholdMask, IsEmptyForAMapOfZeros) {
  const std::vector<float> map(6, 0.0F);
  for (const double threshold : {0.0, 1e-9, 0.5}) {
    EXPECT_EQ(count(threshold_mask(map, 2, 3, 0, threshold)), 0);
  }
}

TEST(Count, SumsOnes) {
  const image::Mask a = rectangle_mask(6, 8, {1, 2, 3, 2});
  const image::Mask b = rectangle_mask(6, 8, {3, 3, 5, 3});
  EXPECT_EQ(count(a), 6);
  EXPECT_EQ(count(b), 15);
  EXPECT_EQ(count_both(a, b), 1);
  EXPECT_EQ(count(image::Mask(6, 8)), 0);
}

TEST(ProposalAt, IsTheSmallestThatHoldsThePeak) {
  const std::vector<image::Mask> proposals = {
      rectangle_mask(10, 10, {0, 0, 8, 8}), rectangle_mask(10, 10, {2, 2, 3, 3}),
      rectangle_mask(10, 10, {2, 2, 4, 4}), rectangle_mask(10, 10, {9, 9, 1, 1})};
  EXPECT_EQ(proposal_at(proposals, {.x = 3, .y = 4}), &proposals[1]);
  EXPECT_EQ(proposal_at(proposals, {.x = 5, .y = 5}), &proposals[2]);
  EXPECT_EQ(proposal_at(proposals, {.x = 7, .y = 0}), &proposals[0]);
  EXPECT_EQ(proposal_at(proposals, {.x = 9, .y = 0}), nullptr);
  EXPECT_EQ(proposal_at({}, {.x = 0, .y = 0}), nullptr);
}

TEST(ProposalAt, ReadsXAsColumnAndYAsRow) {
  const std::vector<image::Mask> proposals = {rectangle_mask(4, 9, {7, 1, 2, 1})};
  EXPECT_EQ(proposal_at(proposals, {.x = 7, .y = 1}), &proposals[0]);
  EXPECT_EQ(proposal_at(proposals, {.x = 1, .y = 3}), nullptr);
}

TEST(BestProposal, HasTheHighestIouWithTheGroundTruth) {
  const image::Mask truth = rectangle_mask(10, 10, {2, 2, 4, 4});
  const std::vector<image::Mask> proposals = {
      rectangle_mask(10, 10, {0, 0, 10, 10}),  // 16 / 100
      rectangle_mask(10, 10, {2, 2, 4, 2}),    // 8 / 16
      rectangle_mask(10, 10, {3, 2, 4, 4}),    // 12 / 20
  };
  EXPECT_EQ(best_proposal(proposals, truth), &proposals[2]);
  EXPECT_EQ(best_proposal({}, truth), nullptr);
  EXPECT_EQ(best_proposal(proposals, image::Mask(10, 10)), &proposals[0]);
}

}  // namespace
}  // namespace pcnet::engine
