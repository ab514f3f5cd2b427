#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/image/picture.h"

#include "support/png_bytes.h"
#include "support/temporary_folder.h"

namespace pcnet::image {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

/// The first bytes of files that Pillow wrote, 51 x 37: the rest is not there.
struct Start {
  const char* name;
  const char* hex;
};

class PictureSizeOfStart : public ::testing::TestWithParam<Start> {};

TEST_P(PictureSizeOfStart, IsInTheHeader) {
  const support::TemporaryFolder folder;
  const std::string bytes = from_hex(GetParam().hex);
  core::write_file_plain(folder / "a", bytes);
  EXPECT_EQ(picture_size(folder / "a"), (PictureSize{37, 51}));
  core::write_file_plain(folder / "a", bytes.substr(0, 17));
  EXPECT_THROW(picture_size(folder / "a"), core::Error);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, PictureSizeOfStart,
    ::testing::Values(
        Start{"LossyWebP",
              "524946464c0000005745425056503820400000007003009d012a330025003ed168af5228262422a2"},
        Start{"LosslessWebP",
              "5249464622000000574542505650384c160000002f320009000750e4ac56ff034042f8bf5e8ce87f"},
        Start{"WebPWithAlpha",
              "524946467600000057454250565038580a00000010000000320000240000414c5048100000000107"},
        Start{"BMP",
              "424dc2160000000000003600000028000000330000002500000001001800000000008c160000c40e"},
        Start{"ProgressiveJPEG",
              "ffd8ffe000104a46494600010100000100010000ffe100204578696600004d4d002a000000000000"
              "0000000000000000000000000000ffdb004300080606070605080707070909080a0c140d0c0b0b0c"
              "1912130f141d1a1f1e1d1a1c1c20242e2720222c231c1c2837292c30313434341f27393d38323c2e"
              "333432ffdb0043010909090c0b0c180d0d1832211c21323232323232323232323232323232323232"
              "3232323232323232323232323232323232323232323232323232323232323232ffc2001108002500"
              "33"}),
    [](const auto& start) { return start.param.name; });

TEST(PictureSizeOf, IsThatOfWrittenPictures) {
  const support::TemporaryFolder folder;
  for (const auto& [height, width] : {std::pair{37, 51}, {1, 300}, {129, 1}}) {
    write_png(folder / "a.png", Picture(height, width));
    EXPECT_EQ(picture_size(folder / "a.png"), (PictureSize{height, width}));
  }
}

TEST(PictureSizeOf, IsThatOfTheTurnedPictureWhereThatIsAskedFor) {
  const support::TemporaryFolder folder;
  const std::string png = encode_png_stored(Picture(37, 51));
  for (int orientation = 1; orientation <= 8; ++orientation) {
    core::write_file_plain(folder / "a.png", support::with_orientation(png, orientation));
    EXPECT_EQ(exif_orientation(folder / "a.png"), orientation);
    EXPECT_EQ(picture_size(folder / "a.png"), (PictureSize{37, 51}));
    EXPECT_EQ(picture_size(folder / "a.png", /*apply_exif=*/true),
              orientation < 5 ? (PictureSize{37, 51}) : (PictureSize{51, 37}));
  }
}

TEST(PictureSizeOf, DecodesOtherKinds) {
  // A TIFF of one grey row of three pixels.
  const support::TemporaryFolder folder;
  core::write_file_plain(
      folder / "a.tiff",
      from_hex("49492a0008000000080000010300010000000300000001010300010000000100000002010300"
               "0100000008000000030103000100000001000000060103000100000001000000110104000100"
               "00006e00000016010300010000000100000017010400010000000300000000000000"
               "010203"));
  EXPECT_EQ(picture_size(folder / "a.tiff"), (PictureSize{1, 3}));
}

TEST(PictureSizeOf, NamesAFileThatCannotBeRead) {
  EXPECT_THAT([] { picture_size("/nowhere/a.jpg"); },
              ThrowsMessage<core::Error>(HasSubstr("/nowhere/a.jpg")));
  const support::TemporaryFolder folder;
  core::write_file_plain(folder / "a.jpg", std::string("\xff\xd8") + std::string(100, 'x'));
  EXPECT_THAT([&] { picture_size(folder / "a.jpg"); },
              ThrowsMessage<core::Error>(HasSubstr("a.jpg")));
}

}  // namespace
}  // namespace pcnet::image
