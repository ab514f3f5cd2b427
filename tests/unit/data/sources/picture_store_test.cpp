#include "pcnet/data/sources/picture_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/log.h"

#include "support/hand_dataset.h"
#include "support/png_bytes.h"
#include "support/temporary_folder.h"

namespace pcnet::data {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class PictureStoreTest : public ::testing::Test {
 protected:
  PictureStoreTest() : options_(support::options_for(folder_.path())) {
    support::small_dataset().write(folder_.path());
    core::log::set_level(core::log::Level::kQuiet);
  }
  ~PictureStoreTest() override { core::log::set_level(core::log::Level::kInfo); }

  PictureStore store() {
    sources_.push_back(open_source(options_, Pictures::kUsed));
    return {*sources_.back(), options_};
  }
  std::filesystem::path file(std::int64_t image_id) const {
    return folder_ / ("train2014/" + std::to_string(image_id) + ".png");
  }

  support::TemporaryFolder folder_;
  config::DataOptions options_;
  std::vector<std::unique_ptr<const DatasetSource>> sources_;
};

TEST_F(PictureStoreTest, ResizesToTheTrainingSize) {
  options_.image_size = 48;
  PictureStore store = this->store();
  const auto picture = store.get(11);  // 24 x 40 pixels
  ASSERT_TRUE(picture.has_value());
  EXPECT_EQ(picture->sizes(), (at::IntArrayRef{3, 48, 48}));
  EXPECT_EQ(picture->scalar_type(), at::kByte);
  EXPECT_TRUE(picture->eq(11).all().item<bool>());
}

TEST_F(PictureStoreTest, ReadsAPictureOnceWhenItKeepsThem) {
  PictureStore keeping = store();
  keeping.get(10);
  options_.cache = "none";
  PictureStore reading = store();
  reading.get(10);
  std::filesystem::remove(file(10));
  EXPECT_TRUE(keeping.get(10).has_value());
  EXPECT_THROW(reading.get(10), core::Error);
}

TEST_F(PictureStoreTest, NamesIdAndFileOfABadPicture) {
  core::write_file_plain(file(10), "no image");
  std::filesystem::remove(file(11));
  PictureStore store = this->store();
  EXPECT_THAT([&] { store.get(10); }, ThrowsMessage<core::Error>(AllOf(
                                          HasSubstr("image_id 10"), HasSubstr(file(10).string()))));
  EXPECT_THAT([&] { store.get(11); }, ThrowsMessage<core::Error>(AllOf(
                                          HasSubstr("image_id 11"), HasSubstr(file(11).string()))));
  EXPECT_TRUE(store.get(12).has_value());
  EXPECT_EQ(store.skipped(), 0);
}

TEST_F(PictureStoreTest, RefusesAPictureOfAnotherSizeThanItsRecord) {
  core::write_file_plain(file(10), image::encode_png_stored(image::Picture(32, 31)));
  PictureStore store = this->store();
  EXPECT_THAT([&] { store.get(10); },
              ThrowsMessage<core::Error>(
                  AllOf(HasSubstr("image_id 10"), HasSubstr("31 x 32"), HasSubstr("32 x 32"))));
}

TEST_F(PictureStoreTest, TurnsPicturesOfATreeOnlyWhenToldTo) {
  image::Picture stored(32, 32);
  stored.pixel(0, 0)[0] = 200;  // seen at the lower right
  core::write_file_plain(file(10), support::with_orientation(image::encode_png_stored(stored), 3));
  EXPECT_EQ(store().original(10).pixel(0, 0)[0], 200);
  options_.exif = "turned";
  EXPECT_EQ(store().original(10).pixel(31, 31)[0], 200);
}

TEST_F(PictureStoreTest, NamesTheOrientationOfAPictureThatIsTurnedToAnotherSize) {
  options_.exif = "turned";
  core::write_file_plain(
      file(11), support::with_orientation(image::encode_png_stored(image::Picture(24, 40)), 8));
  PictureStore store = this->store();
  EXPECT_THAT([&] { store.get(11); },
              ThrowsMessage<core::Error>(
                  AllOf(HasSubstr("is 24 x 40, the annotations say 40 x 24; "),
                        HasSubstr("11.png has the EXIF orientation 8 and is turned (data.exif)"))));
}

TEST_F(PictureStoreTest, CountsEachSkippedPictureOnce) {
  options_.on_bad_image = "skip";
  core::write_file_plain(file(10), "no image");
  PictureStore store = this->store();
  EXPECT_FALSE(store.get(10).has_value());
  EXPECT_FALSE(store.get(10).has_value());
  EXPECT_TRUE(store.get(11).has_value());
  EXPECT_EQ(store.skipped(), 1);
}

}  // namespace
}  // namespace pcnet::data
