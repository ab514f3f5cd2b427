#include "pcnet/engine/sample_pictures.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "pcnet/core/log.h"
#include "pcnet/image/picture.h"

#include "support/hand_dataset.h"
#include "support/temporary_folder.h"

namespace pcnet::engine {
namespace {

class SamplePictures : public ::testing::Test {
 protected:
  void SetUp() override {
    core::log::set_level(core::log::Level::kQuiet);
    support::HandDataset hand = support::small_dataset();
    hand.proposals[10] = {support::rectangle_mask(32, 32, {1, 1, 12, 20})};
    hand.write(folder_ / "data");
  }
  void TearDown() override { core::log::set_level(core::log::Level::kInfo); }

  void write(std::int64_t samples, config::Segmentor kind = config::Segmentor::kNone) {
    data::Dataset dataset(support::options_for(folder_ / "data"));
    CentreResponder centre;
    const config::EvalOptions options{.segmentor = kind, .samples = samples};
    const auto segmentor = make_segmentor(options, at::kCPU);
    write_samples(folder_ / "samples", "train",
                  draw_samples(dataset, "train", centre, *segmentor, options));
  }
  bool holds(const char* name) const {
    return std::filesystem::exists(folder_ / "samples" / std::string(name));
  }

  support::TemporaryFolder folder_;
};

TEST_F(SamplePictures, DrawsEachPictureOnceAndASheetOfAll) {
  write(5);  // the split has two pictures
  EXPECT_TRUE(holds("train_0.png"));
  EXPECT_TRUE(holds("train_1.png"));
  EXPECT_FALSE(holds("train_2.png"));
  const auto first = image::read_picture(folder_ / "samples/train_0.png");
  EXPECT_GE(first.width, 2 * 320);  // answer and heat side by side
  EXPECT_GT(image::read_picture(folder_ / "samples/train.png").width, first.width);
}

TEST_F(SamplePictures, DrawsNoMoreThanAskedFor) {
  write(1);
  EXPECT_TRUE(holds("train_0.png"));
  EXPECT_FALSE(holds("train_1.png"));
}

TEST_F(SamplePictures, ShowTheMaskOfTheSegmentor) {
  write(1);
  const auto of_map = image::read_picture(folder_ / "samples/train_0.png");
  write(1, config::Segmentor::kOracleProposal);
  EXPECT_NE(image::read_picture(folder_ / "samples/train_0.png").rgb, of_map.rgb);
}

TEST_F(SamplePictures, LeavesNothingWhenNoneIsAskedFor) {
  write(0);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "samples"));
}

}  // namespace
}  // namespace pcnet::engine
