#include "pcnet/losses/proposal_scores.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"

#include "support/gradients.h"
#include "support/loss_inputs.h"
#include "support/naive.h"

namespace pcnet::losses {
namespace {

using support::row_proposals;

at::Tensor row(const std::vector<double>& values) {  // -> [1, 1, 1, width]
  return torch::tensor(values, torch::kDouble).view({1, 1, 1, -1});
}

at::Tensor line(const std::vector<double>& values) { return torch::tensor(values, torch::kDouble); }

bool same(const at::Tensor& got, const at::Tensor& wanted) {
  return at::allclose(got.flatten(), wanted.flatten().to(got.dtype()), 1e-9, 1e-12);
}

TEST(NormalisedResponse, CutsWhatIsNegativeAndDividesByTheMaximum) {
  const at::Tensor response = normalised_response(row({-1, 0, 2, 4}), false);
  EXPECT_TRUE(same(response, line({0, 0, 2 / 4.00001, 4 / 4.00001})));
}

TEST(NormalisedResponse, LeavesAMapWithoutPositiveLogitsAtZero) {
  for (const bool detach : {false, true}) {
    const at::Tensor logits = row({-3, -1, 0}).set_requires_grad(true);
    const at::Tensor map = normalised_response(logits, detach);
    EXPECT_EQ(map.abs().max().item<double>(), 0);
    map.sum().backward();
    EXPECT_EQ(logits.grad().abs().max().item<double>(), 0);
  }
}

TEST(NormalisedResponse, DividesEachMapByItsOwnMaximumWhateverItsPlace) {
  const at::Tensor maps = torch::tensor({{{0.0, 2.0}}, {{0.5, 0.25}}}, torch::kDouble);
  for (const bool detach : {false, true}) {
    EXPECT_TRUE(same(normalised_response(maps, detach),
                     line({0, 2 / 2.00001, 0.5 / 0.50001, 0.25 / 0.50001})));
  }
}

TEST(NormalisedResponse, HasTheGradientOfCentralDifferences) {
  torch::manual_seed(1);
  const at::Tensor logits = torch::randn({2, 2, 3, 3}, torch::kDouble);
  const at::Tensor weights = torch::randn({2, 2, 3, 3}, torch::kDouble);
  const auto value = [&](const at::Tensor& x) {
    return (normalised_response(x, false) * weights).sum();
  };
  EXPECT_LT(support::largest_gradient_fault(value, logits), 1e-7);
}

TEST(NormalisedResponse, HasAGradientAtItsPeakOnlyWhenTheMaximumIsDetached) {
  const auto peak = [](bool detach) {
    return support::gradient_of(
        [&](const at::Tensor& x) { return normalised_response(x, detach).max(); }, row({1, 2}));
  };
  EXPECT_NEAR(peak(false)[0][0][0][1].item<double>(), 0, 1e-5);
  EXPECT_NEAR(peak(true)[0][0][0][1].item<double>(), 0.5, 1e-5);
}

/// 10 -> 320, ReLU, Norm, less 1e-5, -> 32 of the released code, at other sizes.
TEST(ResponseOnGrid, GoesByWayOfThePictureWhenAsked) {
  torch::manual_seed(3);
  const at::Tensor logits = torch::randn({1, 2, 3, 4}, torch::kDouble);
  const at::Tensor proposals = torch::zeros({1, 1, 5, 6});
  for (std::int64_t m = 0; m < 2; ++m) {
    at::Tensor large = support::naive::bilinear(logits[0][m], 16, 16, /*align_corners=*/false);
    const double most = large.max().item<double>() + 1e-5;
    for (std::int64_t y = 0; y < 16; ++y) {
      for (std::int64_t x = 0; x < 16; ++x) {
        const double response = std::max(0.0, large[y][x].item<double>()) / most;
        large[y][x] = std::max(0.0, response - 1e-5);
      }
    }
    EXPECT_TRUE(same(response_on_grid(proposals, logits, false, 16)[0][m],
                     support::naive::bilinear(large, 5, 6, /*align_corners=*/true)));
  }
  EXPECT_TRUE(same(response_on_grid(proposals, logits, false),
                   normalised_response(on_grid_of(proposals, logits), false)));
  EXPECT_THROW(response_on_grid(torch::zeros({2, 1, 5, 6}), logits, false, 16), core::Error);
}

TEST(OnGridOf, ResizesAsTheNaiveLoopDoesAndKeepsMapsOfTheSameGrid) {
  torch::manual_seed(2);
  const at::Tensor maps = torch::randn({1, 2, 3, 4}, torch::kDouble);
  const at::Tensor resized = on_grid_of(torch::zeros({1, 5, 7, 6}), maps);
  EXPECT_TRUE(same(resized[0][1], support::naive::bilinear(maps[0][1], 7, 6, false)));
  EXPECT_TRUE(on_grid_of(torch::zeros({1, 5, 3, 4}), maps).is_same(maps));
}

TEST(OnGridOf, RefusesMissingProposalsAndThoseOfOtherPictures) {
  EXPECT_THROW(on_grid_of(at::Tensor(), torch::zeros({1, 1, 2, 2})), core::Error);
  EXPECT_THROW(on_grid_of(torch::zeros({2, 1, 2, 2}), torch::zeros({1, 1, 2, 2})), core::Error);
}

TEST(RealProposals, LeaveOutAllZeroPlanes) {
  const at::Tensor real = real_proposals(row_proposals(3, {{0}, {}, {0, 1, 2}}));
  EXPECT_TRUE(at::equal(real, torch::tensor({{true, false, true}})));
}

TEST(Dilated, GrowsToAllEightSidesAndLeavesPaddingEmpty) {
  at::Tensor proposals = torch::zeros({1, 2, 4, 5}, torch::kUInt8);
  proposals[0][0][1][1] = 1;
  const at::Tensor grown = dilated(proposals, 1);
  at::Tensor wanted = torch::zeros({1, 2, 4, 5}, torch::kUInt8);
  wanted[0][0].slice(0, 0, 3).slice(1, 0, 3).fill_(1);
  EXPECT_TRUE(at::equal(grown, wanted));
  EXPECT_EQ(grown.scalar_type(), at::kByte);
  EXPECT_TRUE(at::equal(dilated(proposals, 0), proposals));
}

TEST(ProposalScores, AreTheMaximumOrTheMeanOverEachProposal) {
  const at::Tensor map = row({0.2, 1.0, 0.6, -3.0});
  const at::Tensor proposals = row_proposals(4, {{0}, {0, 2}, {1, 2}, {3}, {}});
  EXPECT_TRUE(same(proposal_scores(map, proposals, "max"), line({0.2, 0.6, 1.0, -3.0, 0})));
  EXPECT_TRUE(same(proposal_scores(map, proposals, "mean"), line({0.2, 0.4, 0.8, -3.0, 0})));
}

TEST(ProposalScores, HaveTheGradientOfCentralDifferences) {
  torch::manual_seed(3);
  const at::Tensor proposals = support::random_proposals({});
  const at::Tensor maps = torch::randn({3, 2, 4, 5}, torch::kDouble);
  const at::Tensor weights = torch::randn({3, 2, 5}, torch::kDouble);
  for (const config::Choice<config::ProposalScore> kind :
       {config::ProposalScore::kMax, config::ProposalScore::kMean}) {
    const auto value = [&](const at::Tensor& x) {
      return (proposal_scores(x, proposals, kind) * weights).sum();
    };
    EXPECT_LT(support::largest_gradient_fault(value, maps), 1e-7) << kind.word();
  }
}

TEST(ProposalScores, SendTheGradientOfAMaximumToTheFirstOfEqualCells) {
  const at::Tensor proposals = row_proposals(4, {{1, 2, 3}, {}});
  const auto value = [&](const at::Tensor& x) {
    return proposal_scores(x, proposals, "max").sum();
  };
  EXPECT_TRUE(same(support::gradient_of(value, row({9, 2, 2, 1})), line({0, 1, 0, 0})));
}

TEST(ProposalScores, RefuseAnotherGrid) {
  EXPECT_THROW(proposal_scores(torch::zeros({1, 1, 2, 2}), torch::zeros({1, 1, 2, 3}), "max"),
               core::Error);
}

TEST(BestProposal, IsTheHighestThenTheSmallestThenTheFirst) {
  const at::Tensor proposals = row_proposals(4, {{0, 1, 2}, {1, 2}, {2, 3}, {0}, {}});
  const auto best = [&](const std::vector<double>& scores) {
    return best_proposal(line(scores).view({1, 1, -1}), proposals).item<std::int64_t>();
  };
  EXPECT_EQ(best({0.9, 0.5, 0.5, 0.1, 0}), 0);
  EXPECT_EQ(best({1, 1, 1, 0.1, 0}), 1);
  EXPECT_EQ(best({1, 1, 1, 1, 0}), 3);
  EXPECT_EQ(best({0, 0, 0, 0, 0}), 3);
}

TEST(BestProposal, IsTheFirstOfEqualScoresWhenAsked) {
  // Nested: all hold the peak. The released code's arg-max takes the first of the list.
  const at::Tensor proposals = row_proposals(4, {{}, {0, 1, 2}, {1, 2}, {1}});
  const auto best = [&](const std::vector<double>& scores) {
    return best_proposal(line(scores).view({1, 1, -1}), proposals, "first").item<std::int64_t>();
  };
  EXPECT_EQ(best({0, 1, 1, 1}), 1);
  EXPECT_EQ(best({0, 0.5, 1, 1}), 2);
  EXPECT_EQ(best({9, 0, 0, 0}), 1);  // padding never wins
}

TEST(BestProposal, IsNeverPadding) {
  const at::Tensor proposals = row_proposals(3, {{}, {0, 1}, {}});
  EXPECT_EQ(best_proposal(line({0, -2, 5}).view({1, 1, 3}), proposals).item<std::int64_t>(), 1);
  const at::Tensor none = row_proposals(3, {{}, {}});
  EXPECT_EQ(best_proposal(line({0, 0}).view({1, 1, 2}), none).item<std::int64_t>(), 0);
}

TEST(ScoreDistribution, SharesOutOverTheRealProposalsAlone) {
  const at::Tensor proposals = row_proposals(3, {{0}, {}, {1}});
  const at::Tensor p = score_distribution(line({0, 9, std::log(3.0)}).view({1, 1, 3}), proposals);
  EXPECT_TRUE(same(p, line({0.25, 0, 0.75})));
  const at::Tensor none = row_proposals(3, {{}, {}});
  EXPECT_EQ(score_distribution(line({0, 0}).view({1, 1, 2}), none).sum().item<double>(), 0);
}

TEST(SoftIou, HasItsHandValues) {
  const at::Tensor map = line({1, 0.5, 0.5, 0}).view({1, 4});
  const at::Tensor mask = torch::tensor({{1, 1, 0, 0}}, torch::kUInt8);
  // Intersection 1.5, sum of the map 2, cells of the mask 2.
  EXPECT_NEAR(soft_iou(map, mask, "union").item<double>(), 1.5 / 2.5, 1e-12);
  EXPECT_NEAR(soft_iou(map, mask, "sum").item<double>(), 1.5 / 4, 1e-12);
}

TEST(SoftIou, IsOneForTheMaskItselfAndZeroForNothing) {
  const at::Tensor mask = torch::tensor({{1, 0, 1}}, torch::kUInt8);
  EXPECT_NEAR(soft_iou(mask.to(torch::kDouble), mask, "union").item<double>(), 1, 1e-12);
  const at::Tensor empty = torch::zeros({1, 3}, torch::kDouble);
  for (const auto iou : {config::IouDenominator::kUnion, config::IouDenominator::kSum}) {
    EXPECT_EQ(soft_iou(empty, mask, iou).item<double>(), 0);
    EXPECT_EQ(soft_iou(empty, empty, iou).item<double>(), 0);
    EXPECT_EQ(soft_iou(mask.to(torch::kDouble), empty, iou).item<double>(), 0);
  }
}

TEST(MeanWhere, CountsWhatHoldsAndIsZeroWhereNothingDoes) {
  const at::Tensor values = line({1, 2, 3, 4}).view({2, 2});
  EXPECT_EQ(mean_where(values, torch::tensor({{true}, {false}})).item<double>(), 1.5);
  EXPECT_EQ(mean_where(values, torch::zeros({2, 1}, torch::kBool)).item<double>(), 0);
}

}  // namespace
}  // namespace pcnet::losses
