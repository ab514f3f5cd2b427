#include "pcnet/runtime/prediction_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"

#include "support/temporary_folder.h"

namespace pcnet::runtime {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class PredictionPair : public ::testing::Test {
 protected:
  PredictionPair() {
    wanted_.image = "a.png";
    wanted_.text = "the cup";
    wanted_.cues = {"cup"};
    wanted_.image_digest = "crc32:01020304";
    wanted_.made_with = {{"threshold", 0.1}, {"sam", {{"file", "x.pt"}}}};
    wanted_.base = folder_ / "a";
  }

  /// A picture of so many pixels, an answer at its last.
  engine::Prediction answer(std::int64_t height, std::int64_t width) const {
    engine::Prediction prediction;
    prediction.text = wanted_.text;
    prediction.picture = std::make_shared<const image::Picture>(height, width);
    prediction.maps = torch::zeros({2, height, width});
    prediction.maps[1][height - 1][width - 1] = 0.5;
    prediction.stage_cues = {"cup", ""};
    prediction.peaks = {{0, 0, 0}, {width - 1, height - 1, 0.5}};
    prediction.mask = image::Mask(height, width);
    return prediction;
  }

  void write(const PredictionFiles& files = {}) {
    Found found = wanted_;
    found.peaks = answer(4, 6).peaks;
    write_prediction(answer(4, 6), files, found);
  }

  support::TemporaryFolder folder_;
  Found wanted_;
};

TEST_F(PredictionPair, IsFinishedWhenAllItsFilesAreWhole) {
  EXPECT_FALSE(is_finished(wanted_, {}));
  write();
  EXPECT_TRUE(is_finished(wanted_, {}));
  for (const char* name : {"a.overlay.png", "a.mask.png", "a.response.npy", "a.stages.png"}) {
    write();
    core::write_file_plain(folder_ / name, "short");
    EXPECT_FALSE(is_finished(wanted_, {})) << name;
    std::filesystem::remove(folder_ / name);
    EXPECT_FALSE(is_finished(wanted_, {})) << name;
  }
}

TEST_F(PredictionPair, NeedsOnlyTheFilesThatAreWanted) {
  const PredictionFiles mask{.overlay = false, .mask = true, .response = false, .stages = false};
  write(mask);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.overlay.png"));
  EXPECT_TRUE(is_finished(wanted_, mask));
  EXPECT_TRUE(is_finished(wanted_, {false, false, false, false}));
  EXPECT_FALSE(is_finished(wanted_, {}));
}

TEST_F(PredictionPair, OfAnotherRequestIsRefusedAndNamed) {
  write();
  const auto refused = [&](auto change, const std::string& what) {
    Found other = wanted_;
    change(other);
    EXPECT_THAT([&] { (void)is_finished(other, {}); },
                ThrowsMessage<core::UsageError>(AllOf(
                    HasSubstr((folder_ / "a.json").string() + " is there already, of " + what),
                    HasSubstr("--replace"))));
  };
  refused([](Found& f) { f.text = "the mug"; }, R"(the text "the cup", wanted "the mug")");
  refused([](Found& f) { f.cues = {}; }, R"(the cues ["cup"], wanted [])");
  refused([](Found& f) { f.image_digest = "crc32:0"; }, "an image with the digest");
  refused([](Found& f) { f.made_with["threshold"] = 0.2; }, "threshold 0.1, wanted 0.2");
  refused([](Found& f) { f.made_with["sam"]["file"] = "y.pt"; }, "sam {");
  refused([](Found& f) { f.made_with["new"] = true; }, "new null, wanted true");
  wanted_.image = "elsewhere/a.png";  // the same bytes
  EXPECT_TRUE(is_finished(wanted_, {}));
}

TEST_F(PredictionPair, IsReadAsItWasWritten) {
  write();
  Found found = read_found(wanted_.base);
  EXPECT_EQ(found.text, "the cup");
  EXPECT_EQ(found.peak().x, 5);
  EXPECT_EQ(found.peak().score, 0.5);
  EXPECT_EQ(found.files.at("response.npy"), 128U + 4 * 6 * 4);  // header and floats
  EXPECT_EQ(to_json(found).dump(2) + "\n", core::read_file(folder_ / "a.json"));
  core::write_file_plain(folder_ / "a.json", "{\"image\": \"a.png\"}");
  EXPECT_THAT([&] { (void)read_found(wanted_.base); },
              ThrowsMessage<core::Error>(HasSubstr((folder_ / "a.json").string())));
  EXPECT_THROW((void)is_finished(wanted_, {}), core::UsageError);
}

TEST_F(PredictionPair, KeepsTheMaskLargeAndDrawsTheStagesSmall) {
  Found found = wanted_;
  found.peaks = answer(3, 2050).peaks;
  write_prediction(answer(3, 2050), {}, found);
  EXPECT_EQ(image::picture_size(folder_ / "a.mask.png"), (image::PictureSize{3, 2050}));
  EXPECT_EQ(image::picture_size(folder_ / "a.overlay.png").width, 2050);
  EXPECT_EQ(image::picture_size(folder_ / "a.stages.png").width, 3 * 8 + 2 * 1024);  // gaps of 8
}

}  // namespace
}  // namespace pcnet::runtime
