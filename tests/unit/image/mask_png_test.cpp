#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/image/picture.h"

#include "support/png_bytes.h"
#include "support/temporary_folder.h"

namespace pcnet::image {
namespace {

using support::PngParts;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text.push_back(static_cast<char>(value));
  return text;
}

class MaskFile : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& png) const {
    core::write_file_plain(folder_ / "m.png", png);
    return folder_ / "m.png";
  }
  std::vector<std::uint8_t> read(const PngParts& parts) const {
    const Mask mask = read_mask(write(support::png_bytes(parts)));
    EXPECT_EQ(mask.height, parts.height);
    EXPECT_EQ(mask.width, parts.width);
    return mask.data;
  }
  void refuses(const std::string& file, const std::string& found) const {
    const auto path = write(file);
    EXPECT_THAT([&] { read_mask(path); },
                ThrowsMessage<core::Error>(
                    AllOf(HasSubstr("the mask " + path.string()), HasSubstr(found))));
  }
  support::TemporaryFolder folder_;
};

TEST_F(MaskFile, OfGreyIsWhatIsAbove0InAnyDepth) {
  EXPECT_THAT(read({2, 2, 16, 0, bytes({0, 0, 0, 1, 1, 0, 255, 255})}), ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(read({1, 3, 8, 0, bytes({0, 1, 255})}), ElementsAre(0, 1, 1));
  EXPECT_THAT(read({1, 3, 4, 0, bytes({0x01, 0xf0})}), ElementsAre(0, 1, 1));
  EXPECT_THAT(read({1, 5, 2, 0, bytes({0b00011011, 0})}), ElementsAre(0, 1, 1, 1, 0));
  EXPECT_THAT(read({2, 3, 1, 0, bytes({0b01000000, 0b10100000})}), ElementsAre(0, 1, 0, 1, 0, 1));
}

TEST_F(MaskFile, OfAPaletteIsTheIndexAndNotItsColour) {
  const std::string colours = bytes({90, 90, 90, 0, 0, 1, 9, 9, 9, 7, 7, 7});
  EXPECT_THAT(read({1, 4, 8, 3, bytes({0, 1, 2, 3}), colours}), ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(read({1, 4, 2, 3, bytes({0b00011011}), colours}), ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(read({1, 4, 8, 3, bytes({0, 1, 2, 3}), colours, bytes({255, 0, 1})}),
              ElementsAre(0, 0, 1, 1));
}

TEST_F(MaskFile, LeavesOutWhatIsTransparent) {
  EXPECT_THAT(read({1, 3, 8, 4, bytes({255, 0, 255, 1, 0, 255})}), ElementsAre(0, 1, 0));
  EXPECT_THAT(read({1, 2, 16, 4, bytes({0, 1, 0, 1, 0, 1, 0, 0})}), ElementsAre(1, 0));
  EXPECT_THAT(read({1, 3, 8, 6, bytes({9, 9, 9, 0, 0, 0, 1, 255, 0, 0, 0, 255})}),
              ElementsAre(0, 1, 0));
  EXPECT_THAT(read({1, 3, 8, 0, bytes({7, 0, 8}), "", bytes({0, 7})}), ElementsAre(0, 0, 1));
}

TEST_F(MaskFile, OfColoursIsWhatIsNotBlack) {
  EXPECT_THAT(read({1, 3, 8, 2, bytes({0, 0, 0, 255, 255, 255, 0, 1, 0})}), ElementsAre(0, 1, 1));
  EXPECT_THAT(read({1, 2, 16, 2, bytes({0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0})}), ElementsAre(1, 0));
}

TEST_F(MaskFile, MayBeFullOrEmpty) {
  EXPECT_THAT(read({1, 2, 8, 0, bytes({255, 255})}), ElementsAre(1, 1));
  EXPECT_THAT(read({1, 2, 8, 0, bytes({0, 0})}), ElementsAre(0, 0));
  EXPECT_THAT(read({1, 2, 8, 4, bytes({255, 0, 9, 0})}), ElementsAre(0, 0));
}

TEST_F(MaskFile, ComesBackAsItWasWritten) {
  Mask mask(2, 3);
  mask.at(1, 2) = 1;
  write_png(folder_ / "m.png", mask);
  EXPECT_EQ(read_mask(folder_ / "m.png").data, mask.data);
}

TEST_F(MaskFile, IsRefusedWhenOutsideAndInsideCannotBeToldApart) {
  refuses(support::png_bytes({1, 3, 8, 0, bytes({3, 1, 2})}), "8-bit grey without the label 0");
  refuses(support::png_bytes({1, 3, 8, 0, bytes({3, 1, 2})}), "labels 1, 2, 3: which");
  refuses(support::png_bytes({1, 2, 8, 2, bytes({255, 0, 0, 0, 0, 255})}), "0/0/255, 255/0/0:");
  refuses(support::png_bytes({1, 2, 16, 2, bytes({1, 0, 0, 0, 0, 2, 0, 1, 0, 0, 0, 0})}),
          "16-bit RGB without the label 0 and without transparent pixels, but with the labels "
          "1/0/0, 256/0/2: which");
  refuses(support::png_bytes({1, 5, 8, 0, bytes({5, 1, 2, 3, 4})}),
          "labels 1, 2, 3, 4, ...: which");
  refuses(support::png_bytes({1, 2, 8, 6, bytes({0, 0, 0, 255, 0, 0, 0, 0})}),
          "8-bit RGB with alpha whose pixels are transparent or of the label 0");
  refuses(support::png_bytes({1, 3, 1, 3, bytes({0b01000000}), bytes({255, 255, 255, 0, 0, 0})}),
          "1-bit palette whose index 0 is a colour and whose index 1 is black");
}

TEST_F(MaskFile, IsRefusedWhenViewersTurnIt) {
  const std::string png = support::png_bytes({1, 3, 8, 0, bytes({0, 1, 255})});
  refuses(support::with_orientation(png, 3), "it has the EXIF orientation 3");
  EXPECT_EQ(read_mask(write(support::with_orientation(png, 1))).width, 3);
}

TEST_F(MaskFile, IsRefusedWhenItIsNoWholePng) {
  refuses("\xff\xd8\xff\xe0", "it is a JPEG, which does not keep labels; wanted a PNG");
  refuses("BM....", "it is no PNG");
  refuses("", "it is no PNG");
  const std::string good = support::png_bytes({1, 2, 8, 0, bytes({255, 0})});
  refuses(good.substr(0, good.size() - 3), "cut short");
  refuses(support::png_bytes({2, 2, 8, 0, bytes({1, 2})}), "damaged");  // rows of one byte
  EXPECT_THAT([&] { read_mask(folder_ / "none.png"); },
              ThrowsMessage<core::Error>(HasSubstr("none.png")));
}

}  // namespace
}  // namespace pcnet::image
