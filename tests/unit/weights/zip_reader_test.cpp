#include "src/weights/zip_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"

#include "support/zip_bytes.h"

namespace pcnet::weights {
namespace {

using support::ZipEnd;
using support::ZipItem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

void expect_refused(const std::string& bytes, const std::string& text) {
  EXPECT_THAT([&] { ZipReader(bytes, "a.zip"); },
              ThrowsMessage<core::Error>(AllOf(HasSubstr("zip archive a.zip"), HasSubstr(text))));
}

void expect_refused(const std::vector<ZipItem>& items, const std::string& text,
                    const ZipEnd& end = {}) {
  expect_refused(support::zip_bytes(items, end), text);
}

TEST(ZipReader, FindsStoredAndDeflatedMembers) {
  const std::string text(3000, 'x');
  for (const bool wide : {false, true}) {
    ZipEnd end;
    end.wide = wide;
    end.comment = "a comment";
    const std::string bytes = support::zip_bytes(
        {{.name = "a/b", .data = "hello"},
         {.name = "c", .data = support::deflated(text), .method = 8, .size = 3000}},
        end);
    const ZipReader zip(bytes, "a.zip");
    ASSERT_EQ(zip.members().size(), 2U);
    EXPECT_EQ(zip.read(*zip.find("a/b")), "hello");
    EXPECT_EQ(zip.read(*zip.find("c")), text);
    EXPECT_EQ(bytes.substr(zip.find("a/b")->begin, 5), "hello");
    EXPECT_EQ(zip.find("a"), nullptr);
  }
}

TEST(ZipReader, ReadsAnEmptyArchive) {
  const std::string bytes = support::zip_bytes({});
  EXPECT_TRUE(ZipReader(bytes, "a.zip").members().empty());
}

TEST(ZipReader, RefusesEveryCut) {
  const std::string bytes = support::zip_bytes({{.name = "a", .data = "hello"}});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    expect_refused(bytes.substr(0, size), "no directory at its end (cut short?)");
  }
  expect_refused("x" + bytes, "does not end where its end record starts");
  expect_refused(bytes + "x", "no directory at its end");
}

TEST(ZipReader, RefusesNumbersThatLeaveTheArchive) {
  const ZipItem good = {.name = "a", .data = "hello"};
  expect_refused({{.name = "a", .data = "hello", .header = 40}}, "its header would start at 40");
  expect_refused({{.name = "a", .data = "hello", .header = 3}}, "there is no member at 3");
  expect_refused({{.name = "a", .data = "hello", .size = 6, .stored = 6}}, "6 bytes leave");
  ZipEnd end;
  end.begin = 4000;
  expect_refused({good}, "of 47 bytes at 4000", end);
  end = {};
  end.size = 46;
  expect_refused({good}, "of 46 bytes", end);
  end = {};
  end.count = 2;
  expect_refused({good}, "cannot hold 2 members", end);
  end.count = 0;
  expect_refused({good}, "its entries fill 0", end);
  end.wide = true;
  end.count = {};
  end.begin = 0xfffffff0;
  expect_refused({good}, "at 4294967280", end);
}

TEST(ZipReader, RefusesContradictions) {
  expect_refused({{.name = "a", .data = "hello", .local_size = 4}}, "its own header says 5 bytes");
  expect_refused({{.name = "a", .data = "hello", .local_name = "b"}}, "another name");
  expect_refused({{.name = "a", .data = "hello", .size = 9}}, "stored in 5 bytes, its size is 9");
  expect_refused({{.name = "a", .data = "1"}, {.name = "a", .data = "2"}},
                 "two members are called 'a'");
  // The second entry points at the first member, which is called the same there.
  const ZipItem shadow = {.name = "b", .data = "hello", .local_name = "a", .header = 0};
  expect_refused({{.name = "a", .data = "hello"}, shadow}, "gives it another name");
}

TEST(ZipReader, RefusesMembersOverOneAnother) {
  // A member whose data hold another member's header and data.
  const std::string inner = support::zip_bytes({{.name = "b", .data = "hello"}}).substr(0, 36);
  ZipItem second = {.name = "b", .data = "hello", .header = 31};
  expect_refused({{.name = "a", .data = inner}, second}, "members 'a' and 'b' overlap");
}

TEST(ZipReader, RefusesWhatItDoesNotRead) {
  expect_refused({{.name = "a", .data = "x", .flags = 1}}, "member 'a' is encrypted");
  expect_refused({{.name = "a", .data = "x", .method = 12}}, "packed by method 12");
  ZipEnd end;
  end.disk = 1;
  expect_refused({{.name = "a", .data = "x"}}, "one part of an archive in several", end);
}

TEST(ZipReader, RefusesBombsAndDamagedData) {
  const std::string zeros = support::deflated(std::string(4 << 20, '\0'));
  const auto reads = [&](const std::string& data, std::uint32_t size) {
    const std::string bytes =
        support::zip_bytes({{.name = "a", .data = data, .method = 8, .size = size}});
    const ZipReader zip(bytes, "a.zip");
    zip.read(zip.members()[0]);
  };
  EXPECT_THAT([&] { reads(zeros, 4 << 20); },
              ThrowsMessage<core::Error>(HasSubstr("claims to unpack from")));
  EXPECT_THAT([&] { reads(zeros, 1000); },
              ThrowsMessage<core::Error>(HasSubstr("does not unpack to 1000")));
  EXPECT_THAT([&] { reads("\xff\xff\xff", 10); },
              ThrowsMessage<core::Error>(HasSubstr("it is damaged")));
  EXPECT_THAT([&] { reads(support::deflated("hello") + "x", 5); },
              ThrowsMessage<core::Error>(HasSubstr("it is damaged")));
}

}  // namespace
}  // namespace pcnet::weights
