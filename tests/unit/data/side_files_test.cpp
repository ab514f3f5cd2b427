#include "pcnet/data/side_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"

#include "support/temporary_folder.h"

namespace pcnet::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class SideFiles : public ::testing::Test {
 protected:
  std::filesystem::path write(std::string_view text) const {
    core::write_file_plain(folder_ / "file.jsonl", text);
    return folder_ / "file.jsonl";
  }
  template <class Read>
  void expect_fault(Read read, std::string_view text, const std::string& line,
                    const std::string& what) const {
    EXPECT_THAT([&] { read(write(text)); },
                ThrowsMessage<core::Error>(AllOf(HasSubstr("file.jsonl:" + line), HasSubstr(what))))
        << text;
  }

  support::TemporaryFolder folder_;
};

TEST_F(SideFiles, ReadCuesAndCaptionsByTheirId) {
  const Cues cues =
      read_cues(write("{\"sent_id\": 3, \"cues\": [\"a cup\", \"left\"], \"more\": "
                      "1}\n\n{\"cues\":[],\"sent_id\":4}"));
  ASSERT_EQ(cues.size(), 2U);
  EXPECT_THAT(cues.at(3), ElementsAre("a cup", "left"));
  EXPECT_TRUE(cues.at(4).empty());
  const Captions captions = read_captions(write("{\"image_id\": 9, \"captions\": [\"x\"]}\n"));
  EXPECT_THAT(captions.at(9), ElementsAre("x"));
}

TEST_F(SideFiles, ReadProposals) {
  const image::Rle rle{4, 3, {5, 2, 5}};
  const Proposals proposals = read_proposals(write(
      "{\"image_id\": 2, \"proposals\": [{\"segmentation\": {\"size\": [4, 3], \"counts\": \"" +
      image::to_coco_string(rle) + "\"}}]}\n{\"image_id\": 3, \"proposals\": []}\n"));
  EXPECT_THAT(proposals.at(2), ElementsAre(rle));
  EXPECT_TRUE(proposals.at(3).empty());
}

TEST_F(SideFiles, NameTheLineOfAFault) {
  const std::string good = "{\"sent_id\": 1, \"cues\": [\"a\"]}\n";
  expect_fault(read_cues, good + "{\"sent_id\": 2, ", "2:", "");
  expect_fault(read_cues, good + good, "2:", "duplicate sent_id 1");
  expect_fault(read_cues, good + "\n{\"cues\": []}\n", "3:", "sent_id");
  expect_fault(read_cues, "{\"sent_id\": 1}\n", "1:", "cues");
  expect_fault(read_cues, "{\"sent_id\": \"1\", \"cues\": []}\n", "1:", "");
  expect_fault(read_cues, "{\"sent_id\": 1.5, \"cues\": []}\n", "1:", "sent_id");
  expect_fault(read_cues, "{\"sent_id\": 1, \"cues\": \"a\"}\n", "1:", "");
  expect_fault(read_cues, "{\"sent_id\": 1, \"cues\": [1]}\n", "1:", "");
  expect_fault(read_cues, "7\n", "1:", "");
}

TEST_F(SideFiles, NameTheLineOfABrokenProposal) {
  const std::string start = "{\"image_id\": 1, \"proposals\": ";
  expect_fault(read_proposals, start + "[{}]}", "1:", "segmentation");
  expect_fault(read_proposals,
               start + "[{\"segmentation\": {\"size\": [2, 2], \"counts\": \"3\"}}]}", "1:", "");
  expect_fault(read_proposals, start + "[{\"segmentation\": {\"size\": [2], \"counts\": \"4\"}}]}",
               "1:", "");
  expect_fault(read_proposals, start + "{}}", "1:", "list");
  expect_fault(read_proposals, start + "null}", "1:", "list");
}

TEST_F(SideFiles, RefuseWhatCannotBeRead) {
  EXPECT_THAT([&] { read_cues(folder_ / "none.jsonl"); },
              ThrowsMessage<core::Error>(HasSubstr("none.jsonl")));
  EXPECT_THAT([&] { read_cues(folder_.path()); },
              ThrowsMessage<core::Error>(HasSubstr(folder_.path().string())));
}

}  // namespace
}  // namespace pcnet::data
