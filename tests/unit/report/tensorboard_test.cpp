#include "pcnet/report/tensorboard.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"

#include "support/temporary_folder.h"

namespace pcnet::report {
namespace {

using ::testing::ThrowsMessage;
using namespace std::string_literals;

const std::string kSecondOne = "\x09\x00\x00\x00\x00\x00\x00\xf0\x3f"s;  // field 1: 1.0

TEST(EventBytes, AreThoseOfTheMessagesByHand) {
  EXPECT_EQ(version_event(1), kSecondOne + "\x1a\x0d" + "brain.Event:2");  // field 3
  // Step 300 is 0x12c: seven bits at a time. Session log: field 7, its status: field 1.
  EXPECT_EQ(start_event(1, 300), kSecondOne + "\x10\xac\x02" + "\x3a\x02" + "\x08\x01");
  // Summary: field 5; a value: field 1 of it; its tag: field 1, its number: field 2, 0.5.
  EXPECT_EQ(scalars_event(1, 300, {{"lr", 0.5}}), kSecondOne + "\x10\xac\x02" + "\x2a\x0b" +
                                                      "\x0a\x09" + "\x0a\x02lr" +
                                                      "\x15\x00\x00\x00\x3f"s);
  EXPECT_EQ(scalars_event(1, 0, {{"a", 1}, {"b", -2}}),
            kSecondOne + "\x2a\x14" + "\x0a\x08\x0a\x01" + "a\x15\x00\x00\x80\x3f"s +
                "\x0a\x08\x0a\x01" + "b\x15\x00\x00\x00\xc0"s);
  // The picture: field 4 of a value; height, width, three colours and the file.
  EXPECT_EQ(image_event(1, 2, "t", {.height = 3, .width = 4, .png = "PNG"}),
            kSecondOne + "\x10\x02" + "\x2a\x12" + "\x0a\x10" + "\x0a\x01" + "t\x22\x0b" +
                "\x08\x03\x10\x04\x18\x03" + "\x22\x03PNG");
}

// Check sums by a bit-by-bit program of another language.
TEST(EventBytes, AreARecordWithLengthAndMaskedCheckSums) {
  EXPECT_EQ(event_record("123456789"),
            "\x09\0\0\0\0\0\0\0\x37\xf9\x71\x39"s + "123456789" + "\xe5\xb0\x8a\xc7");
}

class TensorBoardFile : public ::testing::Test {
 protected:
  support::TemporaryFolder folder_;
};

TEST_F(TensorBoardFile, BeginsWithItsVersionAndWhereTheRunGoesOn) {
  std::filesystem::path path;
  {
    TensorBoard board(folder_.path(), 41);
    path = board.path();
    board.scalars(42, {{"loss/total", 2}});
  }
  std::string bytes = core::read_file(path);
  std::vector<std::string> events;
  while (!bytes.empty()) {  // all lengths are below 128 here
    const auto length = static_cast<std::size_t>(bytes.at(0));
    events.push_back(bytes.substr(12, length));
    EXPECT_EQ(bytes.substr(0, length + 16), event_record(events.back()));
    bytes.erase(0, length + 16);
  }
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].substr(9), version_event(1).substr(9));
  EXPECT_EQ(events[1].substr(9), start_event(1, 42).substr(9));
  EXPECT_EQ(events[2].substr(9), scalars_event(1, 42, {{"loss/total", 2}}).substr(9));
}

TEST_F(TensorBoardFile, SortsAfterThoseThatAreThere) {
  const TensorBoard first(folder_.path(), 0);
  const TensorBoard second(folder_.path(), 0);  // in the same second
  EXPECT_LT(first.path().filename().string(), second.path().filename().string());
  core::write_file_plain(folder_ / "events.out.tfevents.8000000000.other.1", "");
  const TensorBoard third(folder_.path(), 0);
  EXPECT_TRUE(third.path().filename().string().starts_with("events.out.tfevents.8000000001."));
}

TEST_F(TensorBoardFile, IsAnErrorWhereNoneCanBe) {
  core::write_file_plain(folder_ / "file", "");
  EXPECT_ANY_THROW(TensorBoard(folder_ / "file", 0));
}

}  // namespace
}  // namespace pcnet::report
