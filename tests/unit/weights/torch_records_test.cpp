#include "src/weights/torch_records.h"

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
using ::testing::Not;
using ::testing::ThrowsMessage;

/// An archive of torch's with these records beside its version.
std::string archive(std::vector<ZipItem> records, const ZipEnd& end = {}) {
  for (auto& record : records) {
    record.name = "a/" + record.name;
    if (record.local_name) record.local_name = "a/" + *record.local_name;
  }
  records.insert(records.begin(), {.name = "a/version", .data = "3\n"});
  return support::zip_bytes(records, end);
}

TorchRecords open(const std::string& bytes) { return {hold_bytes(bytes), "a.pth"}; }

/// Whatever is wrong, and wherever it is noticed, is one line that names the file.
void expect_refused(const std::string& bytes, const std::string& text, const std::string& record) {
  const auto read = [&] { (void)open(bytes).read(record); };
  EXPECT_THAT(read, ThrowsMessage<core::Error>(
                        AllOf(HasSubstr("a.pth"), HasSubstr(text), Not(HasSubstr("\n")))))
      << text;
}

TEST(TorchRecords, FindStoredAndPackedRecords) {
  const std::string text(1000, 'x');
  const std::string packed = support::deflated(text);
  const std::string bytes = archive({{.name = "b", .data = "hello"},
                                     {.name = "c",
                                      .data = packed,
                                      .method = 8,
                                      .size = static_cast<std::uint32_t>(text.size())}});
  TorchRecords records = open(bytes);
  EXPECT_TRUE(records.has("b"));
  EXPECT_FALSE(records.has("a"));
  EXPECT_EQ(records.read("b"), "hello");
  EXPECT_EQ(records.read("c"), text);
  EXPECT_EQ(bytes.substr(records.find("b").begin, records.find("b").size), "hello");
  EXPECT_FALSE(records.find("b").packed);
  EXPECT_TRUE(records.find("c").packed);
}

TEST(TorchRecords, RefuseEveryCut) {
  const std::string bytes = archive({{.name = "b", .data = "hello"}});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    expect_refused(bytes.substr(0, size), "not all of it is there", "b");
  }
}

TEST(TorchRecords, RefuseNumbersThatLeaveTheArchive) {
  expect_refused(archive({{.name = "b", .data = "hello", .header = 4000}}), "", "b");
  expect_refused(archive({{.name = "b", .data = "hello", .header = 3}}), "", "b");
  expect_refused(archive({{.name = "b", .data = "hello", .size = 60000, .stored = 60000}}), "",
                 "b");
  ZipEnd end;
  end.begin = 4000;
  expect_refused(archive({{.name = "b", .data = "hello"}}, end), "", "b");
  end = {};
  end.count = 7;
  expect_refused(archive({{.name = "b", .data = "hello"}}, end), "", "b");
  end = {};
  end.disk = 1;
  expect_refused(archive({{.name = "b", .data = "hello"}}, end), "", "b");
}

TEST(TorchRecords, RefuseWhatIsAmbiguousOrUnknown) {
  expect_refused(archive({{.name = "b", .data = "1"}, {.name = "b", .data = "2"}}),
                 "two records are called 'b'", "b");
  expect_refused(archive({{.name = "b", .data = "x", .flags = 1}}), "", "b");
  expect_refused(archive({{.name = "b", .data = "x", .method = 12}}), "", "b");
  expect_refused(archive({}), "it has no record 'b'", "b");
  expect_refused(support::zip_bytes({{.name = "b", .data = "x"}}), "torch did not write it", "b");
}

TEST(TorchRecords, RefuseBombsAndDamagedData) {
  const std::string zeros = support::deflated(std::string(4 << 20, '\0'));
  const auto packed = [](const std::string& data, std::uint32_t size) {
    return archive({{.name = "b", .data = data, .method = 8, .size = size}});
  };
  expect_refused(packed(zeros, 4 << 20), "claims to unpack from", "b");
  expect_refused(packed(zeros, 1000), "", "b");
  expect_refused(packed("\xff\xff\xff", 10), "", "b");
}

}  // namespace
}  // namespace pcnet::weights
