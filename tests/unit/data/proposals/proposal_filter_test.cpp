#include "pcnet/data/proposals/proposal_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"

#include "support/hand_dataset.h"

namespace pcnet::data {
namespace {

using support::Rectangle;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// A rectangle {x, y, width, height} in a picture of 20 x 20.
ScoredProposal proposal(const Rectangle& rectangle, std::optional<double> predicted_iou = {},
                        std::optional<double> stability = {}) {
  return {image::encode(support::rectangle_mask(20, 20, rectangle)), predicted_iou, stability};
}

config::ProposalFilterOptions options() {
  config::ProposalFilterOptions all;
  all.min_area = 10;
  return all;
}

TEST(ProposalFilter, HasThePapersNumbers) {
  const config::ProposalFilterOptions paper;
  EXPECT_EQ(paper.predicted_iou, 0.7);
  EXPECT_EQ(paper.stability, 0.7);
  EXPECT_EQ(paper.score, 0);  // the paper has no bound for FreeSOLO's
  EXPECT_EQ(paper.min_area, 1000);
  EXPECT_EQ(paper.overlap, 0.8);
  EXPECT_EQ(paper.most, 40);
}

TEST(ProposalFilter, DropsUnsureAndSmallOnes) {
  const std::vector<ScoredProposal> all = {
      proposal({0, 0, 5, 2}, 0.7, 0.7),     // at each bound: stays
      proposal({0, 5, 5, 2}, 0.699, 0.9),   // unsure
      proposal({0, 10, 5, 2}, 0.9, 0.699),  // unstable
      proposal({10, 0, 3, 3}, 0.9, 0.9),    // 9 px
      proposal({10, 10, 5, 2}),             // nothing known
  };
  EXPECT_THAT(filter_proposals(all, options()), ElementsAre(0, 4));
}

TEST(ProposalFilter, BoundsScoresByTheirOwnKey) {
  std::vector<ScoredProposal> all = {proposal({0, 0, 5, 2}), proposal({0, 5, 5, 2}),
                                     proposal({0, 10, 5, 2})};
  all[0].score = 0.05;
  all[1].score = 0.3;
  EXPECT_THAT(filter_proposals(all, options()), ElementsAre(1, 0, 2));  // the surer first
  auto bounded = options();
  bounded.score = 0.3;
  EXPECT_THAT(filter_proposals(all, bounded), ElementsAre(1, 2));
}

TEST(ProposalFilter, DropsEmptyOnesEvenWithoutALimit) {
  auto none = options();
  none.min_area = 0;
  EXPECT_THAT(filter_proposals({proposal({0, 0, 0, 0})}, none), IsEmpty());
  EXPECT_THAT(filter_proposals({}, none), IsEmpty());
}

TEST(ProposalFilter, TakesLargestFirst) {
  const std::vector<ScoredProposal> all = {proposal({0, 0, 5, 2}), proposal({0, 10, 5, 4}),
                                           proposal({10, 0, 5, 3})};
  EXPECT_THAT(filter_proposals(all, options()), ElementsAre(1, 2, 0));
  auto two = options();
  two.most = 2;
  EXPECT_THAT(filter_proposals(all, two), ElementsAre(1, 2));
}

TEST(ProposalFilter, AmongEqualAreasTheSurerThenTheEarlierComesFirst) {
  const std::vector<ScoredProposal> all = {proposal({0, 0, 5, 2}, 0.8), proposal({0, 5, 5, 2}, 0.9),
                                           proposal({0, 10, 5, 2}, 0.8)};
  EXPECT_THAT(filter_proposals(all, options()), ElementsAre(1, 0, 2));
}

TEST(ProposalFilter, DropsWhatOverlapsAKeptOneByMoreThanTheBound) {
  // 10 x 10 against 10 x 8 of it: IoU 0.8, not above; against 10 x 9: 0.9.
  const std::vector<ScoredProposal> all = {proposal({0, 0, 10, 8}, 0.9), proposal({0, 0, 10, 10}),
                                           proposal({0, 0, 10, 9}, 0.99)};
  // The 10 x 9 goes; the 10 x 8 has IoU 8/9 with it, but it was not kept.
  EXPECT_THAT(filter_proposals(all, options()), ElementsAre(1, 0));
}

TEST(ProposalFilter, CountsOverlapPixelByPixelNotByBox) {
  // Two triangles of one box share its diagonal only.
  image::Mask upper(20, 20);
  image::Mask lower(20, 20);
  for (std::int64_t y = 0; y < 20; ++y) {
    for (std::int64_t x = 0; x < 20; ++x) {
      upper.at(y, x) = x >= y ? 1 : 0;
      lower.at(y, x) = x <= y ? 1 : 0;
    }
  }
  EXPECT_THAT(
      filter_proposals({{image::encode(upper), {}, {}}, {image::encode(lower), {}, {}}}, options()),
      ElementsAre(0, 1));
}

TEST(ProposalFilter, LimitsWhatIsLeftAfterTheOverlapRule) {
  auto two = options();
  two.most = 2;
  const std::vector<ScoredProposal> all = {proposal({0, 0, 10, 10}), proposal({0, 0, 10, 9}),
                                           proposal({10, 10, 5, 2})};
  EXPECT_THAT(filter_proposals(all, two), ElementsAre(0, 2));
}

TEST(ProposalFilter, RefusesMasksOfTwoSizes) {
  const ScoredProposal other{image::encode(support::rectangle_mask(10, 20, {0, 0, 5, 5})), {}, {}};
  EXPECT_THROW(filter_proposals({proposal({0, 0, 5, 5}), other}, options()), core::Error);
}

}  // namespace
}  // namespace pcnet::data
