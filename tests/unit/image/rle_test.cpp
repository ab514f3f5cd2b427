#include "pcnet/image/rle.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/random.h"

namespace pcnet::image {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Mask mask_of(const std::vector<std::string>& rows) {
  Mask mask(static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(rows[0].size()));
  for (std::int64_t y = 0; y < mask.height; ++y) {
    for (std::int64_t x = 0; x < mask.width; ++x) {
      mask.at(y, x) = rows[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)] == '#';
    }
  }
  return mask;
}

Mask random_mask(core::Rng& rng, std::int64_t height, std::int64_t width) {
  Mask mask(height, width);
  for (auto& pixel : mask.data) pixel = rng.below(3) == 0;
  return mask;
}

TEST(RleEncode, RunsDownTheColumnsAndStartsWithZeros) {
  EXPECT_THAT(encode(mask_of({".#.", "##."})).counts, ElementsAre(1, 3, 2));
  EXPECT_THAT(encode(mask_of({"#.", "#."})).counts, ElementsAre(0, 2, 2));
  EXPECT_THAT(encode(mask_of({"..", ".."})).counts, ElementsAre(4));
}

TEST(RleEncode, RefusesAMaskWhoseBytesDoNotFillIt) {
  Mask mask(2, 2);
  mask.data.pop_back();
  EXPECT_THAT([&] { encode(mask); }, ThrowsMessage<core::Error>(HasSubstr("holds 3 bytes")));
}

/// Down the columns, a pixel at a time.
std::vector<std::uint32_t> naive_runs(const Mask& mask) {
  std::vector<std::uint32_t> runs = {0};
  bool value = false;
  for (std::int64_t x = 0; x < mask.width; ++x) {
    for (std::int64_t y = 0; y < mask.height; ++y) {
      if ((mask.at(y, x) != 0) != value) {
        runs.push_back(0);
        value = !value;
      }
      ++runs.back();
    }
  }
  return runs;
}

TEST(RleEncode, IsTheNaiveLoopOnNoiseAndLongRuns) {
  core::Rng rng({12});
  for (std::int64_t width = 0; width <= 20; ++width) {
    for (const std::int64_t height : {0, 1, 2, 9}) {
      Mask mask = random_mask(rng, height, width);
      EXPECT_EQ(encode(mask).counts, naive_runs(mask)) << height << " x " << width;
      for (std::int64_t y = 0; y < height; ++y) {  // of a few columns that are whole
        for (std::int64_t x = 0; x < width; ++x) mask.at(y, x) = x % 5 < 2 ? 1 : 0;
      }
      EXPECT_EQ(encode(mask).counts, naive_runs(mask)) << height << " x " << width;
    }
  }
}

TEST(RleDecode, UndoesEncode) {
  core::Rng rng({11});
  for (std::int64_t height = 1; height < 9; ++height) {
    for (std::int64_t width = 1; width < 9; ++width) {
      const Mask mask = random_mask(rng, height, width);
      EXPECT_EQ(decode(encode(mask)).data, mask.data) << height << " x " << width;
    }
  }
}

TEST(RleDecode, RefusesRunsThatDoNotFillTheMask) {
  EXPECT_THAT(
      [] {
        decode({2, 2, {1, 2}});
      },
      ThrowsMessage<core::Error>(HasSubstr("runs sum to 3, wanted height x width")));
  EXPECT_THAT(
      [] {
        decode({2, 2, {1, 0xffffffffU, 4}});
      },
      ThrowsMessage<core::Error>(HasSubstr("runs sum to 4294967300")));
  EXPECT_THROW(decode({-1, 2, {}}), core::Error);
  EXPECT_THROW(decode({std::int64_t{1} << 40, std::int64_t{1} << 40, {}}), core::Error);
}

TEST(CocoString, HoldsFiveBitsACharacter) {
  // 5 -> '5'; 16 needs a second group because its bit 4 would be the sign: 0x30, 0 -> "`0".
  EXPECT_EQ(to_coco_string({3, 7, {5, 16}}), "5`0");
  // The fourth run is stored as its difference to the second: 2 - 3 = -1 -> 0x1f -> 'O'.
  EXPECT_EQ(to_coco_string({1, 10, {1, 3, 4, 2}}), "134O");
}

TEST(CocoString, ComesBackForLargeRuns) {
  const Rle rle{65535, 65535, {0, 4000000000U, 1, 294836224U}};
  EXPECT_EQ(from_coco_string(to_coco_string(rle), 65535, 65535), rle);
}

TEST(CocoString, ComesBackForRandomMasks) {
  core::Rng rng({12});
  for (int i = 0; i < 50; ++i) {
    const Rle rle = encode(random_mask(rng, 13, 1 + i));
    EXPECT_EQ(from_coco_string(to_coco_string(rle), 13, 1 + i), rle);
  }
}

TEST(CocoString, NamesABadCharacter) {
  EXPECT_THAT([] { from_coco_string("1 3", 2, 2); },
              ThrowsMessage<core::Error>(HasSubstr("character 1 has the code 32")));
  EXPECT_THAT([] { from_coco_string("1\xc3", 2, 2); },
              ThrowsMessage<core::Error>(HasSubstr("character 1 has the code 195")));
}

TEST(CocoString, NamesACutNumber) {
  EXPECT_THAT([] { from_coco_string("4`", 4, 5); },
              ThrowsMessage<core::Error>(HasSubstr("ends inside the number")));
}

TEST(CocoString, RefusesNumbersLongerThanARun) {
  EXPECT_THAT([] { from_coco_string("oooooooooooooo0", 4, 5); },
              ThrowsMessage<core::Error>(HasSubstr("longer than 7 characters")));
}

TEST(CocoString, RefusesNegativeRuns) {
  EXPECT_THAT([] { from_coco_string("O", 4, 5); },
              ThrowsMessage<core::Error>(HasSubstr("run 0 (at character 0) has the length -1")));
}

TEST(CocoString, RefusesRunsThatDoNotFillTheMask) {
  EXPECT_THAT([] { from_coco_string("12", 2, 2); },
              ThrowsMessage<core::Error>(HasSubstr("sum to 3, wanted height x width = 2 x 2 = 4")));
  EXPECT_THAT([] { from_coco_string("14", 2, 2); },
              ThrowsMessage<core::Error>(HasSubstr("sum to at least 5")));
  EXPECT_THROW(from_coco_string("", 2, 2), core::Error);
}

TEST(Polygon, FillsAnAxisParallelSquare) {
  const std::vector<double> square = {1, 1, 4, 1, 4, 3, 1, 3};
  EXPECT_EQ(decode(from_polygon(square, 5, 6)).data,
            mask_of({"......", ".###..", ".###..", "......", "......"}).data);
}

TEST(Polygon, IsCutAtTheBorder) {
  const std::vector<double> square = {-5, -5, 2, -5, 2, 2, -5, 2};
  EXPECT_EQ(decode(from_polygon(square, 3, 4)).data, mask_of({"##..", "##..", "...."}).data);
}

TEST(Polygon, IsEmptyOutsideAndWithoutArea) {
  const std::vector<double> outside = {20, 20, 30, 20, 30, 30};
  EXPECT_EQ(area(from_polygon(outside, 8, 8)), 0);
  const std::vector<double> point = {3, 3, 3, 3, 3, 3};
  EXPECT_EQ(area(from_polygon(point, 8, 8)), 0);
}

TEST(Polygon, RefusesWhatIsNoPolygon) {
  const std::vector<double> two = {0, 0, 1, 1};
  EXPECT_THAT([&] { from_polygon(two, 4, 4); },
              ThrowsMessage<core::Error>(HasSubstr("4 numbers, wanted an even count")));
  const std::vector<double> odd = {0, 0, 1, 1, 2, 2, 3};
  EXPECT_THROW(from_polygon(odd, 4, 4), core::Error);
  const std::vector<double> infinite = {0, 0, 1, std::numeric_limits<double>::infinity(), 2, 2};
  EXPECT_THAT([&] { from_polygon(infinite, 4, 4); },
              ThrowsMessage<core::Error>(HasSubstr("number 3 is inf")));
  const std::vector<double> nan = {0, 0, 1, std::numeric_limits<double>::quiet_NaN(), 2, 2};
  EXPECT_THROW(from_polygon(nan, 4, 4), core::Error);
  const std::vector<double> fine = {0, 0, 1, 0, 1, 1};
  EXPECT_THROW(from_polygon(fine, 0, 4), core::Error);
  EXPECT_THROW(from_polygon(fine, 1 << 20, 1 << 20), core::Error);
}

TEST(Merge, IsThePixelwiseOrAndAnd) {
  core::Rng rng({13});
  for (int i = 0; i < 30; ++i) {
    const Mask a = random_mask(rng, 1 + i % 7, 1 + i % 5);
    const Mask b = random_mask(rng, a.height, a.width);
    Mask either(a.height, a.width);
    Mask both(a.height, a.width);
    std::int64_t shared = 0;
    for (std::size_t p = 0; p < a.data.size(); ++p) {
      either.data[p] = a.data[p] | b.data[p];
      both.data[p] = a.data[p] & b.data[p];
      shared += both.data[p];
    }
    const std::vector<Rle> masks = {encode(a), encode(b)};
    EXPECT_EQ(merge(masks), encode(either));
    EXPECT_EQ(merge(masks, /*intersect=*/true), encode(both));
    EXPECT_EQ(intersection(masks[0], masks[1]), shared);
    EXPECT_EQ(area(merge(masks)), area(masks[0]) + area(masks[1]) - shared);
  }
}

TEST(Merge, ReadsOnPastRunsOfLengthZero) {
  const std::vector<Rle> masks = {{1, 6, {2, 0, 2, 2}}, {1, 6, {2, 0, 1, 1, 2}}};
  EXPECT_EQ(decode(merge(masks)).data, mask_of({"...###"}).data);
}

TEST(Merge, RefusesAnEmptyListAndMixedSizes) {
  EXPECT_THROW(merge({}), core::Error);
  const std::vector<Rle> masks = {{1, 2, {2}}, {2, 1, {2}}};
  EXPECT_THAT([&] { merge(masks); }, ThrowsMessage<core::Error>(HasSubstr("1 x 2 and 2 x 1")));
  EXPECT_THROW(intersection(masks[0], masks[1]), core::Error);
}

TEST(ExactlyOne, CountsEveryPixel) {
  core::Rng rng({15});
  for (int i = 0; i < 60; ++i) {
    std::vector<Rle> masks;
    Mask once(1 + i % 7, 1 + i % 5);
    std::vector<int> covered(once.data.size());
    for (int k = 0; k <= i % 4; ++k) {
      const Mask mask = random_mask(rng, once.height, once.width);
      for (std::size_t at = 0; at < covered.size(); ++at) covered[at] += mask.data[at];
      masks.push_back(encode(mask));
    }
    for (std::size_t at = 0; at < covered.size(); ++at) once.data[at] = covered[at] == 1;
    EXPECT_EQ(exactly_one(masks), encode(once)) << i;
  }
  EXPECT_THROW(exactly_one({}), core::Error);
  const std::vector<Rle> sizes = {{1, 2, {2}}, {2, 1, {2}}};
  EXPECT_THROW(exactly_one(sizes), core::Error);
}

TEST(BoundingBox, IsTightForRandomMasks) {
  core::Rng rng({14});
  for (int i = 0; i < 60; ++i) {
    Mask mask(1 + i % 9, 1 + i % 11);
    for (auto& pixel : mask.data) pixel = rng.below(12) == 0;
    std::int64_t left = mask.width, top = mask.height, right = -1, bottom = -1;
    for (std::int64_t y = 0; y < mask.height; ++y) {
      for (std::int64_t x = 0; x < mask.width; ++x) {
        if (mask.at(y, x) == 0) continue;
        left = std::min(left, x);
        right = std::max(right, x);
        top = std::min(top, y);
        bottom = std::max(bottom, y);
      }
    }
    const auto box = bounding_box(encode(mask));
    if (right < 0) {
      EXPECT_THAT(box, ElementsAre(0, 0, 0, 0));
    } else {
      EXPECT_THAT(box, ElementsAre(left, top, right - left + 1, bottom - top + 1));
    }
  }
}

}  // namespace
}  // namespace pcnet::image
