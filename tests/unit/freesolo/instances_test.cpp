#include "pcnet/freesolo/instances.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"

namespace pcnet::freesolo {
namespace {

at::Tensor masks_of(const std::vector<std::vector<float>>& rows) {
  std::vector<at::Tensor> masks;
  for (const auto& row : rows) masks.push_back(torch::tensor(at::ArrayRef<float>(row)));
  return at::stack(masks);
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// The equations as loops: what remains of score j.
std::vector<double> naive_nms(const std::vector<std::vector<bool>>& masks,
                              const std::vector<std::int64_t>& classes,
                              const std::vector<double>& scores, double sigma) {
  const std::size_t n = masks.size();
  const auto overlap = [&](std::size_t i, std::size_t j) {
    if (i >= j || classes[i] != classes[j]) return 0.0;
    double both = 0;
    double any = 0;
    for (std::size_t p = 0; p < masks[i].size(); ++p) {
      both += masks[i][p] && masks[j][p] ? 1 : 0;
      any += masks[i][p] || masks[j][p] ? 1 : 0;
    }
    return both / any;
  };
  std::vector<double> worst(n, 0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) worst[i] = std::max(worst[i], overlap(k, i));
  }
  std::vector<double> left;
  for (std::size_t j = 0; j < n; ++j) {
    double decay = 1e9;
    for (std::size_t i = 0; i < n; ++i) {
      decay = std::min(decay, std::exp(-sigma * std::pow(overlap(i, j), 2)) /
                                  std::exp(-sigma * std::pow(worst[i], 2)));
    }
    left.push_back(scores[j] * decay);
  }
  return left;
}

TEST(KeepPeaks, ComparesWithTheNeighboursAboveAndToTheLeft) {
  const at::Tensor got = keep_peaks(torch::tensor({{0.5F, 0.4F, 0.6F},  //
                                                   {0.3F, 0.7F, 0.7F},
                                                   {0.9F, 0.2F, 0.1F}})
                                        .view({1, 1, 3, 3}));
  const at::Tensor wanted = torch::tensor({{0.5F, 0.F, 0.6F},  //
                                           {0.F, 0.7F, 0.7F},
                                           {0.9F, 0.F, 0.F}});
  EXPECT_TRUE(at::equal(got[0][0], wanted)) << got;
}

TEST(KeepPeaks, IsTheNaiveLoopInEveryClassAlone) {
  torch::manual_seed(1);
  const at::Tensor scores = torch::rand({2, 2, 5, 4});
  at::Tensor wanted = scores.clone();
  for (std::int64_t map = 0; map < 4; ++map) {
    const at::Tensor from = scores[map / 2][map % 2];
    for (std::int64_t i = 0; i < 5; ++i) {
      for (std::int64_t j = 0; j < 4; ++j) {
        const at::Tensor window = from.slice(0, std::max<std::int64_t>(i - 1, 0), i + 1)
                                      .slice(1, std::max<std::int64_t>(j - 1, 0), j + 1);
        if (from[i][j].item<float>() < window.max().item<float>()) {
          wanted[map / 2][map % 2][i][j] = 0;
        }
      }
    }
  }
  EXPECT_TRUE(at::equal(keep_peaks(scores), wanted));
}

TEST(MatrixNms, LowersACopyAndLeavesWhatOverlapsNothing) {
  const at::Tensor got =
      matrix_nms(masks_of({{1, 1, 0, 0}, {1, 1, 0, 0}, {0, 0, 1, 1}}), torch::zeros({3}, at::kLong),
                 torch::tensor({0.9F, 0.8F, 0.7F}), /*sigma=*/2);
  EXPECT_NEAR(got[0].item<double>(), 0.9, 1e-6);
  EXPECT_NEAR(got[1].item<double>(), 0.8 * std::exp(-2), 1e-6);
  EXPECT_NEAR(got[2].item<double>(), 0.7, 1e-6);
}

TEST(MatrixNms, CountsAMaskLessThatIsItselfOverlapped) {
  // IoU of 0 and 1: 1/2; of 0 and 2: 1/4; of 1 and 2: 2/3.
  const at::Tensor got = matrix_nms(masks_of({{1, 1, 1, 0}, {0, 1, 1, 1}, {0, 0, 1, 1}}),
                                    torch::zeros({3}, at::kLong), torch::ones({3}), /*sigma=*/2);
  EXPECT_NEAR(got[1].item<double>(), std::exp(-2 * 0.25), 1e-6);
  EXPECT_NEAR(got[2].item<double>(), std::exp(-2 * 4.0 / 9 + 2 * 0.25), 1e-6);
}

TEST(MatrixNms, ComparesWithinAClass) {
  const at::Tensor same = masks_of({{1, 1}, {1, 1}});
  const at::Tensor got = matrix_nms(same, torch::tensor({0, 1}), torch::tensor({0.9F, 0.8F}), 2);
  EXPECT_TRUE(at::allclose(got, torch::tensor({0.9F, 0.8F})));
}

TEST(MatrixNms, IsTheNaiveLoop) {
  torch::manual_seed(2);
  const std::int64_t n = 20;
  const at::Tensor masks = (torch::rand({n, 30}) > 0.4).to(at::kFloat);
  const at::Tensor classes = torch::randint(2, {n});
  const at::Tensor scores = std::get<0>(torch::rand({n}).sort(0, /*descending=*/true));
  std::vector<std::vector<bool>> rows(20);
  std::vector<std::int64_t> labels;
  std::vector<double> values;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t p = 0; p < 30; ++p)
      rows[static_cast<std::size_t>(i)].push_back(masks[i][p].item<float>() > 0);
    labels.push_back(classes[i].item<std::int64_t>());
    values.push_back(scores[i].item<double>());
  }
  for (const double sigma : {0.5, 2.0}) {
    const at::Tensor got = matrix_nms(masks, classes, scores, sigma);
    const auto wanted = naive_nms(rows, labels, values, sigma);
    for (std::int64_t i = 0; i < n; ++i) {
      EXPECT_NEAR(got[i].item<double>(), wanted[static_cast<std::size_t>(i)], 1e-5) << i;
    }
  }
}

TEST(MatrixNms, TakesNoMasks) {
  EXPECT_EQ(
      matrix_nms(torch::zeros({0, 4}), torch::zeros({0}, at::kLong), torch::zeros({0}), 2).numel(),
      0);
}

/// An output of one cell a level, two classes and two numbers a kernel. Features: channel 0 is 1
/// in the upper two of four rows and -1 below, channel 1 in the left two of four columns.
FreesoloImpl::Output hand_output() {
  FreesoloImpl::Output output;
  for (std::size_t i = 0; i < kLevels; ++i) {
    output.cells.logits[i] = torch::full({1, 2, 1, 1}, -20.F);
    output.cells.kernels[i] = torch::zeros({1, 2, 1, 1});
  }
  const at::Tensor half = torch::tensor({1.F, 1.F, -1.F, -1.F});
  output.mask_features =
      at::stack({half.unsqueeze(1).expand({4, 4}), half.expand({4, 4})}).unsqueeze(0);
  return output;
}

void set(FreesoloImpl::Output& output, std::size_t level, std::int64_t label, double logit,
         float first, float second) {
  output.cells.logits[level][0][label] = logit;
  output.cells.kernels[level] = torch::tensor({first, second}).view({1, 2, 1, 1});
}

SelectionOptions hand_selection() {
  SelectionOptions options;
  options.least_area = {4, 4, 4, 4, 8};
  return options;
}

std::vector<double> scores_of(const Instances& instances) {
  const at::Tensor scores = instances.scores.to(at::kDouble);
  return {scores.const_data_ptr<double>(), scores.const_data_ptr<double>() + scores.numel()};
}

TEST(SelectInstances, ScoresByProbabilityTimesMeanOfTheSoftMaskInside) {
  auto output = hand_output();
  set(output, 1, 0, 2.0, 3, 0);   // the upper half
  set(output, 3, 1, 3.0, 0, -4);  // the right half
  const Instances found = select_instances(output, hand_selection());
  const auto scores = scores_of(found);
  ASSERT_EQ(scores.size(), 2U);
  EXPECT_NEAR(scores[0], sigmoid(3) * sigmoid(4), 1e-6);
  EXPECT_NEAR(scores[1], sigmoid(2) * sigmoid(3), 1e-6);
  const at::Tensor half = torch::tensor({-1.F, -1.F, 1.F, 1.F}) * 4;
  EXPECT_TRUE(at::allclose(found.soft_masks[0], half.expand({4, 4}).sigmoid()));
}

TEST(SelectInstances, WantsMoreThanItsThresholds) {
  auto output = hand_output();
  set(output, 0, 0, 0.0, 3, 0);  // a probability of exactly a half
  auto options = hand_selection();
  options.probability = 0.5;
  EXPECT_TRUE(scores_of(select_instances(output, options)).empty());
  options.probability = 0.49;
  EXPECT_EQ(scores_of(select_instances(output, options)).size(), 1U);
  options.least_area[0] = 8;  // the mask's area
  EXPECT_TRUE(scores_of(select_instances(output, options)).empty());
  options.least_area[0] = 7;
  EXPECT_EQ(scores_of(select_instances(output, options)).size(), 1U);
  options.mask = 0.96;  // sigmoid(3) is 0.953
  EXPECT_TRUE(scores_of(select_instances(output, options)).empty());
}

TEST(SelectInstances, LooksAtTheAreaOfEachLevel) {
  auto output = hand_output();
  set(output, 3, 0, 2.0, 3, 0);
  set(output, 4, 0, 2.0, 0, 3);  // 8 pixels are not more than 8
  const Instances found = select_instances(output, hand_selection());
  ASSERT_EQ(found.scores.size(0), 1);
  EXPECT_TRUE(found.soft_masks[0][0].gt(0.5).all().item<bool>()) << "the upper half";
}

TEST(SelectInstances, DropsWhatTheSuppressionLeavesTooLittleOf) {
  auto output = hand_output();
  set(output, 0, 0, 3.0, 5, 0);
  set(output, 1, 0, 2.0, 5, 0);  // the same mask: times exp(-2)
  auto options = hand_selection();
  const double left = sigmoid(2) * sigmoid(5) * std::exp(-2);
  options.score = left - 1e-4;
  const auto scores = scores_of(select_instances(output, options));
  ASSERT_EQ(scores.size(), 2U);
  EXPECT_NEAR(scores[1], left, 1e-6);
  options.score = left + 1e-4;
  EXPECT_EQ(scores_of(select_instances(output, options)).size(), 1U);
}

TEST(SelectInstances, KeepsSoManyBeforeAndAfterTheSuppression) {
  auto output = hand_output();
  set(output, 0, 0, 3.0, 5, 0);
  set(output, 1, 0, 2.5, 5, 0);  // the second before, the last after
  set(output, 2, 0, 2.0, 0, 5);
  auto options = hand_selection();
  options.most = 2;
  const auto after = scores_of(select_instances(output, options));
  ASSERT_EQ(after.size(), 2U);
  // The upper and the left half share a third.
  EXPECT_NEAR(after[1], sigmoid(2) * sigmoid(5) * std::exp(-2.0 / 9), 1e-6);
  options.most_before = 2;
  const auto before = scores_of(select_instances(output, options));
  ASSERT_EQ(before.size(), 2U);
  EXPECT_NEAR(before[1], sigmoid(2.5) * sigmoid(5) * std::exp(-2), 1e-6);
}

TEST(SelectInstances, IsTheNaiveLoopOverManyCells) {
  torch::manual_seed(3);
  auto output = hand_output();
  output.cells.logits[2] = torch::full({1, 1, 20, 20}, 1.F);  // equal: every cell is a peak
  output.cells.kernels[2] = torch::randn({1, 6, 20, 20});
  for (const std::size_t i : {0U, 1U, 3U, 4U}) {
    output.cells.logits[i] = torch::full({1, 1, 1, 1}, -20.F);
    output.cells.kernels[i] = torch::zeros({1, 6, 1, 1});
  }
  output.mask_features = torch::randn({1, 6, 5, 7});
  SelectionOptions options;
  options.least_area = {0, 0, 10, 0, 0};
  options.most_before = 30;
  options.most = 12;

  struct Found {
    double score;
    std::vector<bool> mask;
  };
  std::vector<Found> all;
  const at::Tensor kernels = output.cells.kernels[2].to(at::kDouble).view({6, 400});
  const at::Tensor features = output.mask_features.to(at::kDouble).view({6, 35});
  const at::Tensor dots = kernels.t().matmul(features);
  for (std::int64_t cell = 0; cell < 400; ++cell) {
    Found found{0, {}};
    double area = 0;
    for (std::int64_t p = 0; p < 35; ++p) {
      const double soft = sigmoid(dots[cell][p].item<double>());
      found.mask.push_back(soft > 0.5);
      area += soft > 0.5 ? 1 : 0;
      found.score += soft > 0.5 ? soft : 0;
    }
    if (area <= 10) continue;
    found.score *= sigmoid(1) / area;
    all.push_back(found);
  }
  ASSERT_GT(all.size(), 256U) << "more than are made at a time";
  const auto falling = [](const Found& a, const Found& b) { return a.score > b.score; };
  std::sort(all.begin(), all.end(), falling);
  all.resize(30);
  std::vector<std::vector<bool>> masks;
  std::vector<double> scores;
  for (const Found& found : all) {
    masks.push_back(found.mask);
    scores.push_back(found.score);
  }
  auto left = naive_nms(masks, std::vector<std::int64_t>(30, 0), scores, 2);
  std::sort(left.begin(), left.end(), std::greater<>());
  left.resize(12);

  const auto got = scores_of(select_instances(output, options));
  ASSERT_EQ(got.size(), 12U);
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], left[i], 1e-5) << i;
}

TEST(SelectInstances, RefusesABatchOfSeveral) {
  auto output = hand_output();
  output.mask_features = output.mask_features.expand({2, 2, 4, 4});
  EXPECT_THROW(select_instances(output, {}), core::Error);
}

TEST(ToProposals, CutsThePaddingOffAndResizesToThePicture) {
  // Rows 1 and 0 become 1, 1, 0.875, 0.625, 0.375, 0.125, 0, 0; the upper six, two by two: 1,
  // 0.75, 0.25.
  const Instances instances{torch::tensor({0.3F}),
                            torch::tensor({{1.F, 1.F}, {0.F, 0.F}}).unsqueeze(0)};
  const auto whole = to_proposals(instances, {8, 8}, {8, 8}, 0.5);
  ASSERT_EQ(whole.size(), 1U);
  EXPECT_NEAR(whole[0].score, 0.3, 1e-7);
  EXPECT_EQ(image::bounding_box(whole[0].mask), (std::array<std::int64_t, 4>{0, 0, 8, 4}));
  const auto cut = to_proposals(instances, {6, 8}, {3, 4}, 0.5);
  ASSERT_EQ(cut.size(), 1U);
  EXPECT_EQ(cut[0].mask.height, 3);
  EXPECT_EQ(image::bounding_box(cut[0].mask), (std::array<std::int64_t, 4>{0, 0, 4, 2}));
  EXPECT_EQ(image::area(to_proposals(instances, {6, 8}, {3, 4}, 0.2)[0].mask), 12);
}

TEST(ToProposals, DropsEmptyMasks) {
  const Instances instances{torch::tensor({0.9F, 0.3F}),
                            at::stack({torch::full({2, 2}, 0.5F), torch::full({2, 2}, 0.6F)})};
  const auto proposals = to_proposals(instances, {8, 8}, {4, 4}, 0.5);
  ASSERT_EQ(proposals.size(), 1U);
  EXPECT_NEAR(proposals[0].score, 0.3, 1e-7);
  EXPECT_EQ(image::area(proposals[0].mask), 16);
}

}  // namespace
}  // namespace pcnet::freesolo
