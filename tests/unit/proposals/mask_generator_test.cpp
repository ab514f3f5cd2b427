#include "pcnet/proposals/mask_generator.h"

#include <array>
#include <cmath>
#include <functional>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"

#include "support/hand_dataset.h"

namespace pcnet::proposals {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// The logits [256, 256] and the predicted IoU of an output of a click.
using Answer = std::pair<at::Tensor, float>;

/// Answers clicks by a function of the click and the output, and writes down what it is asked.
class StandIn : public ClickDecoder {
 public:
  using Function = std::function<Answer(const Point&, std::int64_t output)>;
  explicit StandIn(Function answer) : answer_(std::move(answer)) {}

  void set_crop(const image::Picture& crop) override { crops.push_back(crop); }
  ClickMasks decode(std::span<const Point> points) override {
    batches.push_back(points.size());
    const auto count = static_cast<std::int64_t>(points.size());
    ClickMasks out{torch::zeros({count, 3, 256, 256}), torch::zeros({count, 3})};
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::int64_t k = 0; k < 3; ++k) {
        const auto [logits, iou] = answer_(points[static_cast<std::size_t>(i)], k);
        out.logits[i][k].copy_(logits);
        out.predicted_iou[i][k] = iou;
      }
    }
    return out;
  }

  std::vector<image::Picture> crops;
  std::vector<std::size_t> batches;

 private:
  Function answer_;
};

/// One click in the middle, all filters off.
config::MaskGeneratorOptions one_click() {
  config::MaskGeneratorOptions options;
  options.points_per_side = 1;
  options.predicted_iou = 0;
  options.stability = 0;
  return options;
}

/// `inside` where rows and columns of the network's square of 256 are in the rectangle.
at::Tensor block(std::int64_t y, std::int64_t x, std::int64_t height, std::int64_t width,
                 double inside = 5) {
  const at::Tensor logits = torch::full({256, 256}, -9.0);
  logits.narrow(0, y, height).narrow(1, x, width).fill_(inside);
  return logits;
}

std::vector<GeneratedMask> generate(const StandIn::Function& answer,
                                    const config::MaskGeneratorOptions& options,
                                    std::int64_t height = 64, std::int64_t width = 64) {
  StandIn decoder(answer);
  return generate_masks(decoder, image::Picture(height, width), options);
}

TEST(MaskGenerator, HasThePapersNumbers) {
  const config::MaskGeneratorOptions paper;
  EXPECT_EQ(paper.points_per_side, 8);
  EXPECT_EQ(paper.predicted_iou, 0.7);
  EXPECT_EQ(paper.stability, 0.7);
  EXPECT_EQ(paper.box_nms, 0.7);
  EXPECT_EQ(paper.crop_layers, 0);
  EXPECT_EQ(paper.min_mask_region_area, 0);
}

TEST(MaskGenerator, MakesARecord) {
  // A picture of 64 x 64: a cell of the logits is a quarter of a pixel.
  const auto masks = generate(
      [](const Point&, std::int64_t k) {
        return Answer(k == 1 ? block(40, 80, 100, 60) : torch::full({256, 256}, -9.0), 0.5F);
      },
      [] {
        auto options = one_click();
        options.stability = 0.5;
        return options;
      }());
  ASSERT_THAT(masks, SizeIs(1));
  EXPECT_EQ(masks[0].mask, image::encode(support::rectangle_mask(64, 64, {20, 10, 15, 25})));
  EXPECT_EQ(masks[0].box, (Box{20, 10, 34, 34}));
  EXPECT_EQ(masks[0].crop, (Box{0, 0, 64, 64}));
  EXPECT_EQ(masks[0].point, (Point{32, 32}));
  EXPECT_EQ(masks[0].predicted_iou, 0.5F);
  EXPECT_EQ(masks[0].stability, 1);
}

TEST(MaskGenerator, WantsAPredictedIouAboveTheBound) {
  const std::array<float, 3> predicted = {0.7F, std::nextafter(0.7F, 1.0F), 0.69F};
  const auto answer = [&](const Point&, std::int64_t k) {
    return Answer(block(60 * k, 0, 50, 50), predicted[static_cast<std::size_t>(k)]);
  };
  auto options = one_click();
  options.predicted_iou = 0.7;
  const auto masks = generate(answer, options);
  ASSERT_THAT(masks, SizeIs(1));
  EXPECT_EQ(masks[0].predicted_iou, predicted[1]);
  options.predicted_iou = 0;
  EXPECT_THAT(generate(answer, options), SizeIs(3));
}

TEST(MaskGenerator, WantsAStabilityOfAtLeastTheBound) {
  const auto answer = [](const Point&, std::int64_t k) {
    // 70 rows above 1 and 100 above -1 in a picture of 256 rows.
    const at::Tensor logits = torch::full({256, 256}, -9.0);
    logits.narrow(0, 0, 100).fill_(k == 0 ? 0.5 : -9.0);
    logits.narrow(0, 0, 70).fill_(k == 0 ? 2.0 : -9.0);
    return Answer(logits, 0.5F);
  };
  auto options = one_click();
  options.stability = 0.7;
  const auto masks = generate(answer, options, 256, 256);
  ASSERT_THAT(masks, SizeIs(1));  // the two without any pixel have no stability
  EXPECT_EQ(masks[0].stability, 0.7F);
  options.stability = 0.701;
  EXPECT_THAT(generate(answer, options, 256, 256), IsEmpty());
  options.stability_offset = 0.25;  // 100 rows above it too
  EXPECT_THAT(generate(answer, options, 256, 256), SizeIs(1));
}

/// Bilinear at pixel i of `n` over `values(y, x)` of rows x columns, cells over pixels.
double between(const std::function<double(std::int64_t, std::int64_t)>& values,
               std::array<std::int64_t, 2> pixel, std::array<double, 2> step,
               std::array<std::int64_t, 2> size) {
  std::array<std::int64_t, 2> low{};
  std::array<std::int64_t, 2> high{};
  std::array<double, 2> share{};
  for (std::size_t d = 0; d < 2; ++d) {
    const double place = std::max(0.0, (static_cast<double>(pixel[d]) + 0.5) * step[d] - 0.5);
    low[d] = static_cast<std::int64_t>(place);
    high[d] = std::min(low[d] + 1, size[d] - 1);
    share[d] = place - static_cast<double>(low[d]);
  }
  const double top = (1 - share[1]) * values(low[0], low[1]) + share[1] * values(low[0], high[1]);
  const double bottom =
      (1 - share[1]) * values(high[0], low[1]) + share[1] * values(high[0], high[1]);
  return (1 - share[0]) * top + share[0] * bottom;
}

TEST(MaskGenerator, UpscalesInTwoStepsAndCutsThePadding) {
  torch::manual_seed(3);
  const at::Tensor logits =
      at::upsample_bilinear2d(torch::randn({1, 1, 12, 12}) * 3, {256, 256}, true)[0][0];
  const auto low = logits.accessor<float, 2>();
  const auto square = [&](std::int64_t y, std::int64_t x) {
    return between([&](std::int64_t i, std::int64_t j) { return low[i][j]; }, {y, x}, {0.25, 0.25},
                   {256, 256});
  };
  struct Size {
    std::int64_t height, width, rows, columns;  // the picture's, and its part of the square
  };
  for (const auto& [height, width, rows, columns] :
       {Size{50, 60, 853, 1024}, Size{70, 40, 1024, 585}, Size{1030, 5, 1024, 5}}) {
    const auto masks = generate([&](const Point&, std::int64_t) { return Answer(logits, 0.5F); },
                                one_click(), height, width);
    ASSERT_FALSE(masks.empty());
    const image::Mask mask = image::decode(masks[0].mask);
    const double down = static_cast<double>(rows) / static_cast<double>(height);
    const double right = static_cast<double>(columns) / static_cast<double>(width);
    std::int64_t sure = 0;
    for (std::int64_t y = 0; y < height; ++y) {
      for (std::int64_t x = 0; x < width; ++x) {
        const double value = between(square, {y, x}, {down, right}, {rows, columns});
        if (std::abs(value) < 1e-4) continue;
        ++sure;
        EXPECT_EQ(mask.at(y, x) != 0, value > 0) << y << ", " << x;
      }
    }
    EXPECT_GT(sure, height * width * 9 / 10);
  }
}

TEST(MaskGenerator, AsksBatchByBatchAndAnswersTheSame) {
  const auto answer = [](const Point& at, std::int64_t k) {
    const auto x = static_cast<std::int64_t>(at.x * 3);
    return Answer(block(x, 8 * k, 30, 40), static_cast<float>(at.y / 64 + 0.1));
  };
  StandIn decoder(answer);
  config::MaskGeneratorOptions options;
  options.predicted_iou = 0.3;
  const auto masks = generate_masks(decoder, image::Picture(64, 64), options);
  EXPECT_THAT(decoder.batches, ElementsAre(64));
  StandIn smaller(answer);
  options.points_per_batch = 23;
  const auto same = generate_masks(smaller, image::Picture(64, 64), options);
  EXPECT_THAT(smaller.batches, ElementsAre(23, 23, 18));
  ASSERT_EQ(same.size(), masks.size());
  EXPECT_GT(masks.size(), 5U);
  for (std::size_t i = 0; i < same.size(); ++i) {
    EXPECT_EQ(same[i].mask, masks[i].mask);
    EXPECT_EQ(same[i].point, masks[i].point);
    if (i > 0) EXPECT_GE(masks[i - 1].predicted_iou, masks[i].predicted_iou);
  }
}

TEST(MaskGenerator, ShowsTheDecoderEachCrop) {
  image::Picture picture(64, 96);
  for (std::int64_t x = 0; x < 96; ++x) picture.pixel(63, x)[2] = static_cast<std::uint8_t>(x);
  auto options = one_click();
  options.crop_layers = 1;
  options.crop_overlap = 0;
  StandIn decoder([](const Point&, std::int64_t) {
    return Answer(torch::full({256, 256}, -9.0), 0.5F);
  });
  generate_masks(decoder, picture, options);
  ASSERT_THAT(decoder.crops, SizeIs(5));
  EXPECT_EQ(decoder.crops[0].rgb, picture.rgb);
  const image::Picture& last = decoder.crops[4];
  EXPECT_EQ(last.height, 32);
  EXPECT_EQ(last.width, 48);
  EXPECT_EQ(last.pixel(31, 0)[2], 48);
  EXPECT_EQ(last.pixel(31, 47)[2], 95);
}

TEST(MaskGenerator, PutsMasksOfCropsIntoThePicture) {
  // Crops of 128 x 128; their masks are 80 x 60 px, far from the crop's sides.
  const auto answer = [](const Point& at, std::int64_t k) {
    if (k > 0) return Answer(torch::full({256, 256}, -9.0), 0.1F);
    return at.x == 64 ? Answer(block(48, 88, 160, 120), 0.9F)
                      : Answer(block(4, 4, 8, 8), 0.8F);  // of the whole picture
  };
  auto options = one_click();
  options.predicted_iou = 0.5;
  options.crop_layers = 1;
  options.crop_overlap = 0;
  const auto masks = generate(answer, options, 256, 256);
  ASSERT_THAT(masks, SizeIs(5));
  // The smaller crops come first, as they were made.
  EXPECT_EQ(masks[1].mask, image::encode(support::rectangle_mask(256, 256, {44, 152, 60, 80})));
  EXPECT_EQ(masks[1].box, (Box{44, 152, 103, 231}));
  EXPECT_EQ(masks[1].crop, (Box{0, 128, 128, 256}));
  EXPECT_EQ(masks[1].point, (Point{64, 192}));
  EXPECT_EQ(masks[4].crop, (Box{0, 0, 256, 256}));
}

TEST(MaskGenerator, PrefersTheMaskOfTheSmallerCrop) {
  // The same 40 x 40 px from the picture and from its first crop.
  const auto answer = [](const Point& at, std::int64_t k) {
    const at::Tensor nothing = torch::full({256, 256}, -9.0);
    if (k > 0) return Answer(nothing, 0.1F);
    return at.x == 64 ? Answer(block(80, 80, 80, 80), 0.6F) : Answer(block(40, 40, 40, 40), 0.9F);
  };
  auto options = one_click();
  options.predicted_iou = 0.5;
  options.crop_layers = 1;
  options.crop_overlap = 0;
  const auto masks = generate(answer, options, 256, 256);
  ASSERT_THAT(masks, SizeIs(4));
  EXPECT_EQ(masks[0].box, (Box{40, 40, 79, 79}));
  EXPECT_EQ(masks[0].predicted_iou, 0.6F);
  options.crop_nms = 1;
  EXPECT_THAT(generate(answer, options, 256, 256), SizeIs(5));
}

TEST(MaskGenerator, DropsWhatACropMayHaveCutOff) {
  const auto answer = [](const Point& at, std::int64_t k) {
    // Up to the lower side of its crop; of the whole picture nothing.
    const bool wanted = k == 0 && at.x == 64;
    return Answer(wanted ? block(100, 100, 156, 50) : torch::full({256, 256}, -9.0), 0.9F);
  };
  auto options = one_click();
  options.stability = 0.5;
  options.crop_layers = 1;
  options.crop_overlap = 0;
  const auto masks = generate(answer, options, 256, 256);
  ASSERT_THAT(masks, SizeIs(2));  // of the lower crops, which end with the picture
  EXPECT_EQ(masks[0].crop, (Box{0, 128, 128, 256}));
  EXPECT_EQ(masks[1].crop, (Box{128, 128, 256, 256}));
}

TEST(MaskGenerator, RemovesSmallRegionsAndPrefersUnchangedMasks) {
  const auto answer = [](const Point&, std::int64_t k) {
    const at::Tensor logits = block(40, 40, 100, 100);
    if (k == 0) logits.narrow(0, 200, 12).narrow(1, 200, 12).fill_(5);  // an island of 9 px
    if (k == 2) logits.fill_(-9);
    return Answer(logits, k == 0 ? 0.9F : 0.8F);
  };
  auto options = one_click();
  options.stability = 0.5;
  EXPECT_THAT(generate(answer, options), SizeIs(2));  // the island makes another box
  options.min_mask_region_area = 10;
  const auto masks = generate(answer, options);
  ASSERT_THAT(masks, SizeIs(1));
  EXPECT_EQ(masks[0].predicted_iou, 0.8F);
  EXPECT_EQ(masks[0].box, (Box{10, 10, 34, 34}));
  options.min_mask_region_area = 9;
  EXPECT_THAT(generate(answer, options), SizeIs(2));
}

TEST(MaskGenerator, KeepsTheScoresOfAChangedMask) {
  const auto answer = [](const Point&, std::int64_t k) {
    const at::Tensor logits = block(40, 40, 100, 100);
    logits.narrow(0, 200, 12).narrow(1, 200, 12).fill_(5);
    return Answer(k == 0 ? logits : torch::full({256, 256}, -9.0), 0.75F);
  };
  auto options = one_click();
  options.stability = 0.5;
  options.min_mask_region_area = 10;
  const auto masks = generate(answer, options);
  ASSERT_THAT(masks, SizeIs(1));
  EXPECT_EQ(masks[0].predicted_iou, 0.75F);
  EXPECT_EQ(image::area(masks[0].mask), 625);
  EXPECT_EQ(masks[0].box, (Box{10, 10, 34, 34}));
}

TEST(MaskGenerator, NamesAnswersThatDoNotFit) {
  class Wrong : public ClickDecoder {
   public:
    void set_crop(const image::Picture&) override {}
    ClickMasks decode(std::span<const Point>) override {
      return {torch::zeros({1, 4, 256, 256}), torch::zeros({1, 4})};
    }
  } decoder;
  const auto message_of = [](const auto& work) -> std::string {
    try {
      work();
    } catch (const core::Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(message_of([&] { generate_masks(decoder, image::Picture(8, 8), one_click()); }),
              HasSubstr("[1, 4, 256, 256]"));
  EXPECT_THAT(message_of([&] { generate_masks(decoder, image::Picture(), one_click()); }),
              HasSubstr("no pixels"));
  EXPECT_THAT(
      message_of([&] {
        generate(
            [](const Point&, std::int64_t) {
              return Answer(torch::zeros({256, 256}), std::numeric_limits<float>::quiet_NaN());
            },
            one_click());
      }),
      HasSubstr("finite"));
}

GeneratedMask generated(const support::Rectangle& rectangle, float predicted_iou) {
  GeneratedMask mask;
  mask.mask = image::encode(support::rectangle_mask(100, 100, rectangle));
  mask.predicted_iou = predicted_iou;
  mask.stability = 0.7F;  // which as a double is below 0.7
  return mask;
}

TEST(ChooseProposals, TakesTheLargestWithoutDoubles) {
  const std::vector<GeneratedMask> masks = {
      generated({0, 0, 40, 40}, 0.9F), generated({50, 50, 31, 32}, 0.8F),  // 992 px
      generated({0, 50, 40, 25}, -0.1F), generated({0, 0, 50, 50}, 0.75F),
      generated({0, 0, 48, 50}, 0.99F)};
  const auto chosen = choose_proposals(masks, {});
  std::vector<image::Rle> shapes;
  for (const auto& one : chosen) shapes.push_back(one.mask);
  EXPECT_THAT(shapes, ElementsAre(masks[3].mask, masks[0].mask, masks[2].mask));
  EXPECT_EQ(chosen[0].predicted_iou, 0.75);
  EXPECT_EQ(chosen[0].stability, 0.7F);
  config::ProposalFilterOptions two;
  two.most = 2;
  EXPECT_THAT(choose_proposals(masks, two), SizeIs(2));
}

}  // namespace
}  // namespace pcnet::proposals
