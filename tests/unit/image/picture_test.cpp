#include "pcnet/image/picture.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>
#include <unistd.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/image/overlay.h"
#include "pcnet/image/resize.h"

#include "support/png_bytes.h"

namespace pcnet::image {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Picture gradient(std::int64_t height, std::int64_t width) {
  Picture picture(height, width);
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      picture.pixel(y, x)[0] = static_cast<std::uint8_t>(x * 5);
      picture.pixel(y, x)[1] = static_cast<std::uint8_t>(y * 7);
      picture.pixel(y, x)[2] = static_cast<std::uint8_t>(x * y);
    }
  }
  return picture;
}

/// A grey picture of rows of values.
Picture grey(const std::vector<std::vector<std::uint8_t>>& rows) {
  Picture picture(static_cast<std::int64_t>(rows.size()),
                  static_cast<std::int64_t>(rows.front().size()));
  auto to = picture.rgb.begin();
  for (const auto& row : rows) {
    for (const std::uint8_t value : row) to = std::fill_n(to, 3, value);
  }
  return picture;
}

std::vector<int> colour_at(const Picture& picture, std::int64_t y, std::int64_t x) {
  const auto* pixel = picture.pixel(y, x);
  return {pixel[0], pixel[1], pixel[2]};
}

class PictureFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) / core::cat("pictures_", ::getpid());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path path(const std::string& name) const { return folder_ / name; }

 private:
  std::filesystem::path folder_;
};

TEST_F(PictureFiles, ComeBackFromBothPngWriters) {
  const Picture picture = gradient(150, 201);  // more than one stored block
  write_png(path("a.png"), picture);
  core::write_file(path("b.png"), encode_png_stored(picture));
  for (const char* name : {"a.png", "b.png"}) {
    const Picture again = read_picture(path(name));
    EXPECT_EQ(again.height, 150);
    EXPECT_EQ(again.width, 201);
    EXPECT_EQ(again.rgb, picture.rgb) << name;
  }
}

TEST_F(PictureFiles, MasksBecomeBlackAndWhite) {
  Mask mask(2, 3);
  mask.at(1, 2) = 1;
  write_png(path("m.png"), mask);
  const Picture again = read_picture(path("m.png"));
  EXPECT_THAT(colour_at(again, 1, 2), ElementsAre(255, 255, 255));
  EXPECT_THAT(colour_at(again, 0, 2), ElementsAre(0, 0, 0));
}

TEST_F(PictureFiles, AreTurnedAsTheirExifOrientationSaysWhereThatIsAskedFor) {
  const Picture stored = grey({{1, 2, 3}, {4, 5, 6}});
  const std::vector<Picture> seen = {
      stored,
      grey({{3, 2, 1}, {6, 5, 4}}),
      grey({{6, 5, 4}, {3, 2, 1}}),
      grey({{4, 5, 6}, {1, 2, 3}}),
      grey({{1, 4}, {2, 5}, {3, 6}}),
      grey({{4, 1}, {5, 2}, {6, 3}}),
      grey({{6, 3}, {5, 2}, {4, 1}}),
      grey({{3, 6}, {2, 5}, {1, 4}}),
  };
  const std::string png = encode_png_stored(stored);
  for (int orientation = 1; orientation <= 8; ++orientation) {
    core::write_file(path("a.png"), support::with_orientation(png, orientation));
    EXPECT_EQ(read_picture(path("a.png")).rgb, stored.rgb) << orientation;
    const Picture turned = read_picture(path("a.png"), /*apply_exif=*/true);
    const Picture& wanted = seen[static_cast<std::size_t>(orientation) - 1];
    EXPECT_EQ(turned.height, wanted.height) << orientation;
    EXPECT_EQ(turned.rgb, wanted.rgb) << orientation;
  }
}

TEST_F(PictureFiles, RefuseDamageByName) {
  const auto refuses = [&](const std::string& bytes, const std::string& text) {
    core::write_file(path("bad.png"), bytes);
    EXPECT_THAT([&] { read_picture(path("bad.png")); },
                ThrowsMessage<core::Error>(AllOf(HasSubstr("bad.png"), HasSubstr(text))));
  };
  const std::string good = encode_png_stored(gradient(9, 9));
  refuses("", "the file is empty");
  refuses("this is no image at all", "no image of a known kind");
  for (std::size_t cut = 8; cut < good.size(); cut += 5) refuses(good.substr(0, cut), "cut short");
  std::string flipped = good;
  flipped[60] = static_cast<char>(flipped[60] ^ 1);
  refuses(flipped, "wrong checksum");
  refuses("\xff\xd8\xff\xd9", "JPEG is damaged");
  EXPECT_THROW(read_picture(path("missing.jpg")), core::Error);
  EXPECT_THROW(write_png(path("none.png"), Picture()), core::Error);
  EXPECT_THROW(encode_png_stored(Picture()), core::Error);
}

TEST(ToTensor, HoldsChannelsFirst) {
  const Picture picture = gradient(4, 6);
  const at::Tensor tensor = to_tensor(picture);
  ASSERT_EQ(tensor.sizes(), (std::vector<std::int64_t>{3, 4, 6}));
  EXPECT_EQ(tensor[0][2][5].item<int>(), 25);
  EXPECT_EQ(tensor[1][2][5].item<int>(), 14);
  EXPECT_EQ(tensor[2][2][5].item<int>(), 10);
}

TEST(ResizeSquare, CopiesAPictureOfThatSize) {
  const Picture picture = gradient(8, 8);
  EXPECT_TRUE(at::equal(resize_square(picture, 8), to_tensor(picture)));
}

TEST(ResizeSquare, AveragesWhenItShrinks) {
  Picture stripes(64, 64);
  for (std::int64_t i = 0; i < 64 * 64; ++i) {
    std::fill_n(&stripes.rgb[static_cast<std::size_t>(i * 3)], 3,
                static_cast<std::uint8_t>(i % 2 == 0 ? 0 : 200));
  }
  const at::Tensor small = resize_square(stripes, 8);
  ASSERT_EQ(small.sizes(), (std::vector<std::int64_t>{3, 8, 8}));
  EXPECT_EQ(small.scalar_type(), at::kByte);
  const at::Tensor middle = small.slice(1, 1, 7).slice(2, 1, 7).to(at::kInt);
  EXPECT_LE((middle - 100).abs().max().item<int>(), 1);
}

TEST(ResizeSquare, HasItsHandValues) {
  // From 4 to 2 the weights are 3/7, 3/7, 1/7, 0, and mirrored.
  const std::vector<std::uint8_t> ramp = {0, 70, 140, 210};
  const at::Tensor across = resize_square(grey({ramp, ramp, ramp, ramp}), 2);
  EXPECT_TRUE(at::equal(across[1], torch::tensor({{50, 160}, {50, 160}}, at::kByte)));
  // Down all rows are the one; across, from 2 to 4, a quarter comes from the neighbour inside.
  const at::Tensor larger = resize_square(grey({{0, 100}}), 4);
  EXPECT_TRUE(at::equal(larger[2][3], torch::tensor({0, 25, 75, 100}, at::kByte)));
}

TEST(ResizeSquare, RoundsToBytesBetweenTheTwoPasses) {
  // Across 4/7 becomes 1, down 6/7 of that 1 again; the product of both is less than a half.
  const at::Tensor small =
      resize_square(grey({{1, 0, 1, 0}, {1, 0, 1, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}}), 2);
  EXPECT_EQ(small[0][0][0].item<int>(), 1);
}

TEST(ResizeSquare, RefusesNothing) {
  EXPECT_THROW(resize_square(Picture(), 8), core::Error);
  EXPECT_THROW(resize_square(gradient(2, 2), 0), core::Error);
}

TEST(Enlarge, RepeatsPixelsByTheSmallestFactor) {
  const Picture out = enlarge(gradient(2, 3), 7);
  EXPECT_EQ(out.height, 6);
  EXPECT_EQ(out.width, 9);
  EXPECT_THAT(colour_at(out, 5, 8), ElementsAre(10, 7, 2));
  EXPECT_EQ(enlarge(gradient(20, 30), 7).width, 30);
}

TEST(DrawResponse, IsRedWhereTheMapIsHighAndBlueWhereItIsLow) {
  const Picture grey = [] {
    Picture p(1, 2);
    std::fill(p.rgb.begin(), p.rgb.end(), std::uint8_t{100});
    return p;
  }();
  const Picture out = draw_response(grey, std::vector<float>{0, 1}, 1.0);
  EXPECT_GT(out.pixel(0, 0)[2], out.pixel(0, 0)[0]);
  EXPECT_GT(out.pixel(0, 1)[0], out.pixel(0, 1)[2]);
  EXPECT_EQ(draw_response(grey, std::vector<float>{0, 1}, 0).rgb, grey.rgb);
  EXPECT_THROW(draw_response(grey, std::vector<float>(3)), core::Error);
  EXPECT_THROW(draw_response(grey, std::vector<float>(2), 1.5), core::Error);
}

TEST(DrawOutline, ColoursTheEdgeInsideTheMaskOnly) {
  Picture picture(9, 9);
  Mask mask(9, 9);
  for (std::int64_t y = 1; y < 8; ++y) {
    for (std::int64_t x = 1; x < 8; ++x) mask.at(y, x) = 1;
  }
  draw_outline(picture, mask, kGreen, 1);
  for (std::int64_t y = 0; y < 9; ++y) {
    for (std::int64_t x = 0; x < 9; ++x) {
      const bool edge = mask.at(y, x) != 0 && (y == 1 || y == 7 || x == 1 || x == 7);
      EXPECT_EQ(picture.pixel(y, x)[1], edge ? kGreen[1] : 0) << y << ", " << x;
    }
  }
  EXPECT_THROW(draw_outline(picture, Mask(3, 3), kGreen), core::Error);
}

TEST(Tint, MixesTheColourIntoTheMask) {
  Picture picture(1, 2);
  Mask mask(1, 2);
  mask.at(0, 1) = 1;
  tint(picture, mask, {200, 100, 50}, 0.5);
  EXPECT_THAT(colour_at(picture, 0, 0), ElementsAre(0, 0, 0));
  EXPECT_THAT(colour_at(picture, 0, 1), ElementsAre(100, 50, 25));
}

TEST(Spotlight, DarkensAllButTheMask) {
  Picture picture(20, 20);
  std::fill(picture.rgb.begin(), picture.rgb.end(), std::uint8_t{100});
  Mask mask(20, 20);
  for (std::int64_t y = 0; y < 20; ++y) {
    for (std::int64_t x = 0; x < 15; ++x) mask.at(y, x) = 1;
  }
  spotlight(picture, mask, kGreen);
  EXPECT_THAT(colour_at(picture, 10, 17), ElementsAre(60, 60, 60));
  EXPECT_THAT(colour_at(picture, 10, 14), ElementsAre(46, 204, 64));
  EXPECT_THAT(colour_at(picture, 10, 11), ElementsAre(0, 0, 0));
  EXPECT_THAT(colour_at(picture, 10, 7), ElementsAre(100, 100, 100));
}

TEST(DrawLabel, StandsInTheThickestPart) {
  Picture picture(60, 90);
  std::fill(picture.rgb.begin(), picture.rgb.end(), std::uint8_t{100});
  const Picture before = picture;
  Mask mask(60, 90);
  draw_label(picture, mask, "7");
  EXPECT_EQ(picture.rgb, before.rgb);
  for (std::int64_t y = 0; y < 60; ++y) {
    for (std::int64_t x = 60; x < 90; ++x) mask.at(y, x) = 1;  // thick
    mask.at(y, 10) = 1;                                        // thin
  }
  draw_label(picture, mask, "7");
  bool light = false;
  for (std::int64_t y = 0; y < 60; ++y) {
    for (std::int64_t x = 0; x < 90; ++x) {
      if (x < 60 || y < 5) EXPECT_EQ(picture.pixel(y, x)[0], 100) << y << ", " << x;
      light = light || picture.pixel(y, x)[0] > 200;
    }
  }
  EXPECT_TRUE(light);
  EXPECT_THROW(draw_label(picture, Mask(3, 3), "7"), core::Error);
}

TEST(DrawPeak, IsSeenOnBlackAndOnWhite) {
  for (const std::uint8_t ground : {std::uint8_t{0}, std::uint8_t{255}}) {
    Picture picture(60, 60);
    std::fill(picture.rgb.begin(), picture.rgb.end(), ground);
    draw_peak(picture, 30, 20);
    EXPECT_EQ(picture.pixel(20, 30)[0], 255);
    EXPECT_EQ(picture.pixel(16, 26)[0], ground);
    EXPECT_EQ(picture.pixel(19, 34)[0], picture.pixel(21, 34)[0]);
    draw_peak(picture, 59, 0);
    EXPECT_EQ(picture.pixel(0, 59)[0], 255);
    EXPECT_EQ(picture.pixel(3, 59)[0], 255);
    EXPECT_THROW(draw_peak(picture, 60, 0), core::Error);
  }
}

TEST(WithCaption, GrowsWithTheLinesAndKeepsThePicture) {
  const Picture picture = gradient(50, 200);
  const Picture one = with_caption(picture, "short");
  const Picture many = with_caption(picture, std::string(300, 'm') + " and \u00e9 words");
  EXPECT_GT(one.height, 50);
  EXPECT_GT(many.height, one.height + 50);
  EXPECT_EQ(many.width, 200);
  EXPECT_TRUE(std::equal(picture.rgb.begin(), picture.rgb.end(),
                         many.rgb.end() - static_cast<std::ptrdiff_t>(picture.rgb.size())));
  EXPECT_EQ(with_caption(picture, "caf\u00e9").rgb, with_caption(picture, "caf?").rgb);
}

TEST(Sheet, AlignsCellsWithAGap) {
  const std::vector<Picture> pictures = {gradient(10, 20), gradient(5, 20), gradient(10, 8)};
  const Picture out = sheet(pictures, 2);
  EXPECT_EQ(out.height, 2 * 10 + 3 * 8);
  EXPECT_EQ(out.width, 2 * 20 + 3 * 8);
  EXPECT_THAT(colour_at(out, 0, 0), ElementsAre(240, 240, 240));
  EXPECT_EQ(colour_at(out, 8 + 9, 8 + 19), colour_at(pictures[0], 9, 19));
  EXPECT_EQ(colour_at(out, 8 + 9, 8 + 20 + 8 + 19), colour_at(pictures[1], 4, 19));
  EXPECT_THROW(sheet({}, 2), core::Error);
  EXPECT_THROW(sheet(pictures, 0), core::Error);
}

TEST(Stack, PutsPicturesBelowEachOther) {
  const std::vector<Picture> pictures = {gradient(10, 20), gradient(5, 8)};
  const Picture out = stack(pictures);
  EXPECT_EQ(out.height, 15);
  EXPECT_EQ(out.width, 20);
  EXPECT_EQ(colour_at(out, 9, 19), colour_at(pictures[0], 9, 19));
  EXPECT_EQ(colour_at(out, 14, 7), colour_at(pictures[1], 4, 7));
  EXPECT_THAT(colour_at(out, 14, 8), ElementsAre(240, 240, 240));
  EXPECT_THROW(stack({}), core::Error);
}

}  // namespace
}  // namespace pcnet::image
