#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <opencv2/imgcodecs.hpp>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/image/picture.h"

#include "support/temporary_folder.h"

namespace pcnet::image {
namespace {

class PictureSizeTest : public ::testing::TestWithParam<const char*> {
 protected:
  std::string encoded(int height, int width, const std::vector<int>& parameters = {}) const {
    std::vector<unsigned char> bytes;
    cv::imencode(GetParam(), cv::Mat(height, width, CV_8UC3, cv::Scalar(1, 200, 90)), bytes,
                 parameters);
    return {bytes.begin(), bytes.end()};
  }
  support::TemporaryFolder folder_;
};

TEST_P(PictureSizeTest, IsThatOfTheDecodedPicture) {
  for (const auto& [height, width] : {std::pair{37, 51}, {1, 300}, {129, 1}}) {
    core::write_file_plain(folder_ / "a", encoded(height, width));
    EXPECT_EQ(picture_size(folder_ / "a"), (PictureSize{height, width}));
    const Picture picture = read_picture(folder_ / "a");
    EXPECT_EQ(picture.height, height);
    EXPECT_EQ(picture.width, width);
  }
}

TEST_P(PictureSizeTest, NeedsTheHeaderAlone) {
  if (std::string(GetParam()) == ".tiff") return;  // decoded
  const std::string whole = encoded(400, 300);
  core::write_file_plain(folder_ / "a", whole.substr(0, std::min<std::size_t>(700, whole.size())));
  EXPECT_EQ(picture_size(folder_ / "a"), (PictureSize{400, 300}));
  core::write_file_plain(folder_ / "a", whole.substr(0, 12));
  EXPECT_THROW(picture_size(folder_ / "a"), core::Error);
}

INSTANTIATE_TEST_SUITE_P(Kinds, PictureSizeTest,
                         ::testing::Values(".jpg", ".png", ".bmp", ".webp", ".tiff"),
                         [](const auto& kind) { return std::string(kind.param).substr(1); });

TEST(PictureSizeOf, NamesAFileThatIsNotThere) {
  EXPECT_THAT([] { picture_size("/nowhere/a.jpg"); },
              ::testing::ThrowsMessage<core::Error>(::testing::HasSubstr("/nowhere/a.jpg")));
}

TEST(PictureSizeOf, KnowsEveryKindOfWebP) {
  const support::TemporaryFolder folder;
  for (const int quality : {50, 101}) {  // above 100: lossless
    std::vector<unsigned char> bytes;
    cv::imencode(".webp", cv::Mat(21, 34, CV_8UC4, cv::Scalar(9, 8, 7, 100)), bytes,
                 {cv::IMWRITE_WEBP_QUALITY, quality});
    core::write_file_plain(folder / "a", {reinterpret_cast<char*>(bytes.data()), bytes.size()});
    EXPECT_EQ(picture_size(folder / "a"), (PictureSize{21, 34})) << quality;
  }
}

}  // namespace
}  // namespace pcnet::image
