#include "pcnet/runtime/prediction_inputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"

#include "support/temporary_folder.h"

namespace pcnet::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class PredictionInputs : public ::testing::Test {
 protected:
  void touch(const std::string& name, const std::string& bytes = "") {
    const auto path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    core::write_file_plain(path, bytes);
  }
  static std::vector<std::string> names(const PredictionRequest& request) {
    std::vector<std::string> all;
    for (const auto& input : prediction_inputs(request)) {
      for (std::size_t k = 0; k < input.questions->texts.size(); ++k) all.push_back(input.name(k));
    }
    return all;
  }
  support::TemporaryFolder folder_;
};

TEST_F(PredictionInputs, NamesFilesByTheirStemAndTextsByTheirNumber) {
  PredictionRequest request{.images = {"b/x.png", "a.tar.gz"}, .texts = {"one"}};
  EXPECT_THAT(names(request), ElementsAre("x", "a.tar"));
  request.texts = {"one", "two"};
  EXPECT_THAT(names(request), ElementsAre("x_0", "x_1", "a.tar_0", "a.tar_1"));
}

TEST_F(PredictionInputs, TakeTheImagesOfAFolderByAnyKnownSuffix) {
  for (const char* name : {"8.jpg", "7.JPEG", "6.png", "5.WebP", "4.bmp", "3.tif", "2.TIFF"}) {
    touch(name);
  }
  for (const char* name : {"gif.gif", "png", ".9.png", "9.png~", "6.stages.png", "6.overlay.png"}) {
    touch(name);
  }
  touch("deep/1.png");
  PredictionRequest request{.images = {folder_.path()}, .texts = {"one"}};
  EXPECT_THAT(names(request), ElementsAre("2", "3", "4", "5", "6", "7", "8"));
  request.recursive = true;
  EXPECT_THAT(names(request), ElementsAre("2", "3", "4", "5", "6", "7", "8", "deep/1"));
}

TEST_F(PredictionInputs, FindNamesThatOnlyTheNumberOfATextMakesEqual) {
  touch("list",
        "{\"image\": \"a.png\", \"texts\": [\"one\", \"two\"]}\n"
        "{\"image\": \"a_1.png\", \"text\": \"one\"}\n");
  EXPECT_THAT([&] { (void)names({.list = folder_ / "list"}); },
              ThrowsMessage<core::UsageError>(HasSubstr(
                  "the results of a.png and a_1.png would both be called a_1 and overwrite")));
}

TEST_F(PredictionInputs, ShareWhatIsAskedOfAllAndKeepWhatALineSays) {
  touch("list",
        "\xef\xbb\xbf"
        "x.png\r\n"
        "\n"
        "{\"image\": \"y.png\", \"cues\": [\"cup\"]}\n"
        "{\"image\": \"z.png\", \"texts\": [\"two\"], \"out\": \"q/./r\"}");
  const auto all = prediction_inputs(
      {.images = {"w.png"}, .list = folder_ / "list", .texts = {"one"}, .cues = {"mug"}});
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[0].questions, all[1].questions);
  EXPECT_EQ(all[1].image, "x.png");
  EXPECT_THAT(all[1].questions->cues, ElementsAre("mug"));
  EXPECT_THAT(all[2].questions->texts, ElementsAre("one"));
  EXPECT_THAT(all[2].questions->cues, ElementsAre("cup"));
  EXPECT_THAT(all[3].questions->texts, ElementsAre("two"));
  EXPECT_THAT(all[3].questions->cues, ElementsAre("mug"));
  EXPECT_EQ(all[3].stem, "q/r");
}

TEST_F(PredictionInputs, RefuseAnOutThatLeavesItsFolder) {
  for (const char* out : {"/a", "../a", "a/../../b", "", "a/"}) {
    touch("list", std::string("{\"image\": \"a.png\", \"out\": \"") + out + "\"}");
    EXPECT_THROW((void)names({.list = folder_ / "list", .texts = {"one"}}), core::UsageError)
        << out;
  }
}

TEST_F(PredictionInputs, AreNeverNone) {
  EXPECT_THROW((void)names({.texts = {"one"}}), core::UsageError);
  EXPECT_THAT([&] { (void)names({.images = {folder_.path()}, .texts = {"one"}}); },
              ThrowsMessage<core::Error>(HasSubstr(folder_.path().string() + " holds no image")));
}

}  // namespace
}  // namespace pcnet::runtime
