#include "pcnet/engine/segmentor.h"

#include <algorithm>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/image/mask_points.h"
#include "pcnet/sam/predictor.h"

#include "support/choices.h"
#include "support/hand_dataset.h"
#include "support/temporary_folder.h"
#include "support/tiny_sam.h"

namespace pcnet::engine {
namespace {

using support::rectangle_mask;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using Bytes = std::vector<std::uint8_t>;

TEST(Counts, AreThoseOfMasksOfAnySize) {
  const image::Mask ones = [] {
    image::Mask mask(101, 103);
    std::fill(mask.data.begin(), mask.data.end(), 1);
    return mask;
  }();
  EXPECT_EQ(count(ones), 101 * 103);
  image::Mask some(101, 103);
  std::int64_t marked = 0;
  for (std::size_t i = 0; i < some.data.size(); i += 1 + i % 7) {
    some.data[i] = 1;
    ++marked;
  }
  EXPECT_EQ(count_both(ones, some), marked);
  EXPECT_EQ(count(image::Mask()), 0);
}

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

/// A map of 10 x 10 with a value here and there, and what is chosen for it.
class ChooseProposal : public ::testing::Test {
 protected:
  ChooseProposal() : values_(100, 0.0F) {}
  void set(std::size_t x, std::size_t y, float value) { values_[10 * y + x] = value; }
  ProposalChoice choose(config::ProposalTie tie = config::ProposalTie::kSmallest) const {
    return choose_proposal(proposals_, {values_, metrics::find_peak(values_, 10)}, tie);
  }

  std::vector<float> values_;
  std::vector<image::Mask> proposals_ = {
      rectangle_mask(10, 10, {0, 0, 8, 8}), rectangle_mask(10, 10, {2, 2, 3, 3}),
      rectangle_mask(10, 10, {2, 2, 4, 4}), rectangle_mask(10, 10, {9, 9, 1, 1})};
};

TEST_F(ChooseProposal, TakesTheOneThatHoldsThePeak) {
  set(7, 0, 0.5F);  // column, row
  set(0, 7, 0.4F);
  const ProposalChoice choice = choose();
  EXPECT_EQ(choice.proposal, proposals_.data());
  EXPECT_TRUE(choice.holds_maximum);
  EXPECT_FALSE(choice.tied);
}

TEST_F(ChooseProposal, LetsTheRuleDecideWhereSeveralHoldThePeak) {
  set(3, 4, 0.5F);
  EXPECT_EQ(choose().proposal, &proposals_[1]);
  EXPECT_TRUE(choose().tied);
  EXPECT_EQ(choose(config::ProposalTie::kLargest).proposal, proposals_.data());
  std::swap(proposals_[0], proposals_[2]);
  EXPECT_EQ(choose(config::ProposalTie::kFirst).proposal, proposals_.data());
  proposals_.push_back(proposals_[1]);  // as small: the first of both
  EXPECT_EQ(choose().proposal, &proposals_[1]);
}

TEST_F(ChooseProposal, TakesTheHighestResponseWhereNoneHoldsThePeak) {
  set(9, 0, 1);
  set(5, 5, 0.5F);
  set(1, 1, 0.25F);
  const ProposalChoice choice = choose();
  EXPECT_EQ(choice.proposal, &proposals_[2]);
  EXPECT_FALSE(choice.holds_maximum);
  EXPECT_TRUE(choice.tied);  // with the first, which is larger
  proposals_.erase(proposals_.begin() + 2);
  EXPECT_EQ(choose().proposal, proposals_.data());
  EXPECT_FALSE(choose().tied);
}

TEST_F(ChooseProposal, IsNeverEmptyWhereThereIsAProposal) {
  const ProposalChoice of_empty_map = choose();
  EXPECT_EQ(of_empty_map.proposal, &proposals_[3]);
  EXPECT_TRUE(of_empty_map.tied);
  proposals_.emplace_back(10, 10);  // without pixels: never chosen
  EXPECT_EQ(choose().proposal, &proposals_[3]);
  set(9, 0, 1);
  EXPECT_EQ(choose().proposal, &proposals_[3]);
  proposals_ = {image::Mask(10, 10)};
  EXPECT_EQ(choose().proposal, nullptr);
  proposals_.clear();
  EXPECT_EQ(choose().proposal, nullptr);
  EXPECT_FALSE(choose().holds_maximum);
}

TEST_F(ChooseProposal, CountsEveryMaximumOfTheMap) {
  set(9, 9, 1);
  set(9, 0, 1);  // the peak, on no proposal
  const ProposalChoice choice = choose();
  EXPECT_EQ(choice.proposal, &proposals_[3]);
  EXPECT_TRUE(choice.holds_maximum);
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

TEST(MakeSegmentor, MakesEachOfThoseWithoutANetwork) {
  std::vector<float> values(100, 0.0F);
  values[55] = 1;
  values[0] = 0.5F;
  const image::Mask truth = rectangle_mask(10, 10, {0, 0, 3, 3});
  AnsweredImage image{10, 10, {{values, metrics::find_peak(values, 10), &truth, 1}}, {}, {}};
  image.proposals = {rectangle_mask(10, 10, {0, 0, 3, 2}), rectangle_mask(10, 10, {4, 4, 4, 4})};
  config::EvalOptions options;
  const auto segment = [&](config::Segmentor kind) {
    options.segmentor = kind;
    const auto segmentor = make_segmentor(options, at::kCPU);
    EXPECT_EQ(segmentor->kind(), kind);
    EXPECT_TRUE(segmentor->is_for_several_threads());
    return segmentor->segment(image).front();
  };
  EXPECT_EQ(count(segment(config::Segmentor::kNone).mask), 2);
  EXPECT_EQ(segment(config::Segmentor::kProposal).mask.data, image.proposals[1].data);
  EXPECT_EQ(segment(config::Segmentor::kOracleProposal).mask.data, image.proposals[0].data);
  image.proposals.clear();
  for (const auto kind : {config::Segmentor::kProposal, config::Segmentor::kOracleProposal}) {
    EXPECT_TRUE(segment(kind).no_proposal);
    EXPECT_EQ(segment(kind).mask.data, image::Mask(10, 10).data);
  }
}

/// But for a hundredth of the pixels: clicks decoded together and alone differ in the last bits.
bool alike(const image::Mask& a, const image::Mask& b) {
  return 100 * (count(a) + count(b) - 2 * count_both(a, b)) <=
         static_cast<std::int64_t>(a.data.size());
}

/// SAM asked about an image of noise of which two answers and their truths are known.
class SamSegments : public ::testing::Test {
 protected:
  SamSegments() : values_(30 * 50, 0.0F), other_values_(30 * 50, 0.0F), picture_(30, 50) {
    for (std::size_t i = 0; i < picture_.rgb.size(); ++i) {
      picture_.rgb[i] = static_cast<std::uint8_t>(37 * i % 251);
    }
    support::write_sam(folder_ / "sam.safetensors");
    options_.sam.weights = (folder_ / "sam.safetensors").string();
    options_.segmentor = config::Segmentor::kSam;
    values_[50 * 12 + 40] = 1;
    other_values_[50 * 3 + 7] = 1;
    image_.height = 30;
    image_.width = 50;
    image_.maps = {{values_, metrics::find_peak(values_, 50), &truth_, 11},
                   {other_values_, metrics::find_peak(other_values_, 50), &other_truth_, 12},
                   {values_, metrics::find_peak(values_, 50), &truth_, 11}};
    image_.picture = [this] {
      ++looks_;
      return picture_;
    };
    predictor_.set_image(predictor_.embed(picture_));
  }

  std::vector<Segmentation> segment() {
    return make_segmentor(options_, at::kCPU)->segment(image_);
  }

  /// The masks of a click, asked for by itself, and the IoUs that they are predicted to have.
  std::pair<std::vector<image::Mask>, std::vector<float>> click(double x, double y,
                                                                sam::Outputs outputs) {
    const auto found =
        predictor_.predict({.points = {{x, y}}, .labels = {1}, .box = {}, .mask = {}}, outputs);
    std::pair<std::vector<image::Mask>, std::vector<float>> all;
    for (std::int64_t i = 0; i < found.logits.size(0); ++i) {
      all.first.push_back(sam::Predictor::mask_of(found.logits[i], predictor_.image().frame));
      all.second.push_back(found.predicted_iou[i].item<float>());
    }
    return all;
  }
  /// The mask of the highest predicted IoU.
  image::Mask best(double x, double y) {
    const auto [masks, predicted] = click(x, y, sam::Outputs::kMultiple);
    const auto at = std::max_element(predicted.begin(), predicted.end()) - predicted.begin();
    return masks[static_cast<std::size_t>(at)];
  }

  support::TemporaryFolder folder_;
  std::vector<float> values_;
  std::vector<float> other_values_;
  image::Picture picture_;
  image::Mask truth_ = rectangle_mask(30, 50, {4, 5, 21, 13});
  image::Mask other_truth_ = rectangle_mask(30, 50, {30, 20, 15, 9});
  AnsweredImage image_;
  config::EvalOptions options_;
  sam::Predictor predictor_{support::lively_sam()};
  int looks_ = 0;
};

TEST_F(SamSegments, IsClickedAtThePeakAndLooksOnce) {
  const auto found = segment();
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(looks_, 1);
  EXPECT_TRUE(alike(found[0].mask, best(40, 12)));
  EXPECT_TRUE(alike(found[1].mask, best(7, 3)));
  EXPECT_EQ(found[2].mask.data, found[0].mask.data);
  EXPECT_NE(found[0].mask.data, found[1].mask.data);
  EXPECT_FALSE(make_segmentor(options_, at::kCPU)->is_for_several_threads());
}

TEST_F(SamSegments, TakesTheMaskThatTheRuleNames) {
  options_.sam.mask = config::SamMask::kSingle;
  const auto single = segment();
  EXPECT_TRUE(alike(single[0].mask, click(40, 12, sam::Outputs::kSingle).first[0]));
  options_.sam.mask = config::SamMask::kLargest;
  const auto largest = segment();
  std::int64_t most = 0;
  for (const auto& mask : click(40, 12, sam::Outputs::kMultiple).first) {
    most = std::max(most, count(mask));
  }
  EXPECT_NEAR(static_cast<double>(count(largest[0].mask)), static_cast<double>(most), 15);
}

TEST_F(SamSegments, TakesTheBestOfThreeByGroundTruthWhateverTheRule) {
  options_.segmentor = config::Segmentor::kOracleBestOf3;
  for (const auto rule : support::every<config::SamMask>()) {
    options_.sam.mask = rule;
    const auto found = segment();
    double highest = -1;
    for (const auto& mask : click(7, 3, sam::Outputs::kMultiple).first) {
      highest = std::max(highest, iou(mask, other_truth_));
    }
    EXPECT_NEAR(iou(found[1].mask, other_truth_), highest, 0.01);
  }
}

TEST_F(SamSegments, IsClickedAtAPointOfTheGroundTruth) {
  options_.segmentor = config::Segmentor::kOraclePoint;
  EXPECT_TRUE(alike(segment()[0].mask, best(10, 11)));  // 7 from the left border, in the middle
  EXPECT_TRUE(alike(segment()[1].mask, best(34, 24)));
  truth_ = rectangle_mask(30, 50, {0, 0, 30, 1});
  truth_.at(29, 49) = 1;
  options_.sam.point = config::SamPoint::kCentroid;
  EXPECT_TRUE(alike(segment()[0].mask, best(16, 0)));  // (435 + 49) / 31 = 15.6
  options_.sam.point = config::SamPoint::kRandom;
  core::Rng rng(11);  // sent_id
  const auto drawn = image::random_point(truth_, rng);
  EXPECT_TRUE(
      alike(segment()[0].mask, best(static_cast<double>(drawn->x), static_cast<double>(drawn->y))));
  truth_ = image::Mask(30, 50);  // nowhere to click
  EXPECT_EQ(count(segment()[0].mask), 0);
  EXPECT_GT(count(segment()[1].mask), 0);
}

TEST_F(SamSegments, GivesTheSameFromKeptEmbeddings) {
  const auto fresh = segment();
  options_.sam.embeddings = (folder_ / "kept").string();
  for (int call = 0; call < 2; ++call) {
    const auto found = segment();
    for (std::size_t i = 0; i < fresh.size(); ++i) {
      EXPECT_EQ(found[i].mask.data, fresh[i].mask.data);
    }
  }
  EXPECT_FALSE(std::filesystem::is_empty(folder_ / "kept"));
}

TEST_F(SamSegments, SaysWhatItDependsOn) {
  auto protocol = make_segmentor(options_, at::kCPU)->protocol();
  EXPECT_EQ(protocol["segmentor"], "sam");
  EXPECT_EQ(protocol["sam"]["file"], options_.sam.weights);
  EXPECT_THAT(protocol["sam"]["digest"].get<std::string>(), HasSubstr("crc32:"));
  EXPECT_EQ(protocol["sam"]["point"], "peak");
  EXPECT_EQ(protocol["sam"]["mask"], "best");
  options_.segmentor = config::Segmentor::kOraclePoint;
  protocol = make_segmentor(options_, at::kCPU)->protocol();
  EXPECT_EQ(protocol["sam"]["point"], "interior");
  options_.segmentor = config::Segmentor::kOracleBestOf3;
  protocol = make_segmentor(options_, at::kCPU)->protocol();
  EXPECT_EQ(protocol["sam"]["mask"], "by ground truth");
}

TEST_F(SamSegments, RefusesAnImageOfAnotherSizeAndNumbersThatAreNone) {
  picture_ = image::Picture(30, 51);
  EXPECT_THAT([&] { segment(); }, ThrowsMessage<core::Error>(HasSubstr("51 x 30 pixels")));
  picture_ = image::Picture(30, 50);
  auto broken = support::lively_sam();
  {
    const torch::NoGradGuard no_grad;
    for (auto& item : broken->named_parameters()) {
      if (item.key() == "mask_decoder.iou_prediction_head.layers.2.bias") item->fill_(NAN);
    }
  }
  support::write_sam(options_.sam.weights, broken);
  EXPECT_THAT([&] { segment(); }, ThrowsMessage<core::Error>(HasSubstr("predicts the IoU nan")));
}

}  // namespace
}  // namespace pcnet::engine
