#include "src/data/pack/pack_stream.h"

#include <array>
#include <cstdint>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"

namespace pcnet::data {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(RecordStream, GivesBackWhatWasWritten) {
  constexpr std::array<std::int64_t, 9> kWholes = {0,
                                                   1,
                                                   -1,
                                                   63,
                                                   -64,
                                                   64,
                                                   1'000'000,
                                                   std::numeric_limits<std::int64_t>::max(),
                                                   std::numeric_limits<std::int64_t>::min()};
  RecordWriter out;
  for (const auto value : kWholes) out.whole(value);
  out.number(std::numeric_limits<std::uint64_t>::max());
  out.real(-0.1);
  out.text("");
  out.text(std::string("a\0b", 3));
  RecordReader in(out.bytes());
  for (const auto value : kWholes) EXPECT_EQ(in.whole(), value);
  EXPECT_EQ(in.number(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(in.real(), -0.1);
  EXPECT_EQ(in.text(), "");
  EXPECT_EQ(in.text(), std::string_view("a\0b", 3));
  EXPECT_TRUE(in.at_end());
}

TEST(RecordStream, WritesSmallNumbersInAByte) {
  RecordWriter out;
  out.number(127);
  out.whole(-64);
  EXPECT_EQ(out.bytes(), "\x7f\x7f");
  RecordWriter larger;
  larger.number(300);
  EXPECT_EQ(larger.bytes(), "\xac\x02");
}

TEST(RecordStream, RefusesWhatEndsTooEarly) {
  EXPECT_THAT([] { RecordReader("\xac").number(); },
              ThrowsMessage<core::Error>(HasSubstr("ends inside a number")));
  EXPECT_THAT([] { RecordReader(std::string(11, '\xff')).number(); },
              ThrowsMessage<core::Error>(HasSubstr("too long")));
  EXPECT_THAT(
      [] {
        RecordReader(
            "\x03"
            "ab")
            .text();
      },
      ThrowsMessage<core::Error>(HasSubstr("3 bytes from byte 1 were wanted")));
  EXPECT_THAT([] { RecordReader("1234567").real(); }, ThrowsMessage<core::Error>(HasSubstr("8")));
  EXPECT_THAT(
      [] {
        RecordReader(
            "\x03"
            "abcde")
            .count(/*least=*/2);
      },
      ThrowsMessage<core::Error>(HasSubstr("3 entries follow")));
}

}  // namespace
}  // namespace pcnet::data
