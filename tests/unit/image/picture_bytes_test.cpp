#include "pcnet/image/picture_bytes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"

#include "support/temporary_folder.h"

namespace pcnet::image {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::ThrowsMessage;

Picture striped(std::int64_t height, std::int64_t width) {
  Picture picture(height, width);
  for (std::size_t i = 0; i < picture.rgb.size(); ++i)
    picture.rgb[i] = static_cast<std::uint8_t>(i * 7);
  return picture;
}

/// A little-endian TIFF directory of an image that is not there.
std::string tiff(std::uint32_t width, std::uint32_t height) {
  std::string file("II*\0\x08\0\0\0\x02\0", 10);
  const auto entry = [&](std::uint16_t tag, std::uint32_t value) {
    for (const std::uint64_t bytes : {std::uint64_t{tag} | 4U << 16 | std::uint64_t{1} << 32}) {
      for (int i = 0; i < 8; ++i) file.push_back(static_cast<char>(bytes >> (8 * i) & 255));
    }
    for (int i = 0; i < 4; ++i) file.push_back(static_cast<char>(value >> (8 * i) & 255));
  };
  entry(256, width);
  entry(257, height);
  return file + std::string(8, '\0');
}

TEST(PictureBytes, AreDecodedAsTheFileIs) {
  const support::TemporaryFolder folder;
  const auto path = folder / "a.png";
  write_png(path, striped(5, 9));
  const std::string file = core::read_file(path);
  EXPECT_EQ(decode_picture(file).rgb, read_picture(path).rgb);
  EXPECT_EQ(size_in_header(file), (PictureSize{5, 9}));
}

TEST(PictureBytes, ErrorNamesNoFile) {
  EXPECT_THAT([] { (void)decode_picture("hello"); },
              ThrowsMessage<core::Error>(Not(HasSubstr("cannot read the image"))));
}

TEST(PictureBytes, SizeOfATiffIsInItsDirectory) {
  EXPECT_EQ(size_in_header(tiff(70'000, 30)), (PictureSize{30, 70'000}));
  EXPECT_EQ(size_in_header(tiff(0, 30)), std::nullopt);
  EXPECT_EQ(size_in_header(tiff(1 << 30, 1 << 30)), std::nullopt);
}

TEST(PictureBytes, HaveNoSizeWhenTheyAreOfNoKnownKind) {
  EXPECT_EQ(size_in_header(""), std::nullopt);
  EXPECT_EQ(size_in_header(std::string(100, 'P')), std::nullopt);
  EXPECT_EQ(size_in_header("II+" + std::string(100, '\0')), std::nullopt);
}

TEST(PictureBytes, MaskAndGreyPixelsComeBack) {
  Mask mask(2, 3);
  mask.at(1, 2) = 1;
  const Picture seen = decode_picture(encode_png(mask));
  EXPECT_EQ(seen.height, 2);
  EXPECT_EQ(seen.pixel(1, 2)[0], 255);
  EXPECT_EQ(seen.pixel(0, 2)[0], 0);
  const Picture grey =
      decode_picture(encode_grey_png(std::string_view("\x01\x80\xff\x00\x05\x06", 6), 3, 2));
  EXPECT_EQ(grey.pixel(0, 1)[1], 0x80);
  EXPECT_EQ(grey.pixel(2, 1)[2], 6);
  EXPECT_THROW((void)encode_grey_png("abc", 2, 2), core::Error);
}

}  // namespace
}  // namespace pcnet::image
