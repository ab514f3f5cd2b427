#include "pcnet/core/line_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"

#include "support/temporary_folder.h"

namespace pcnet::core {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class LineFileTest : public ::testing::Test {
 protected:
  support::TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "lines";
};

TEST_F(LineFileTest, WritesEachLineAtOnce) {
  LineFile file(path_);
  file.append("one");
  EXPECT_EQ(read_file(path_), "one\n");
  file.append("two");
  EXPECT_EQ(read_file(path_), "one\ntwo\n");
}

TEST_F(LineFileTest, GoesOnAfterTheLastWholeLine) {
  write_file_plain(path_, "one\ntwo\nthr");
  LineFile file(path_);
  EXPECT_EQ(file.read(), "one\ntwo\n");
  EXPECT_EQ(read_file(path_), "one\ntwo\nthr");  // not touched before something is written
  file.append("three");
  EXPECT_EQ(read_file(path_), "one\ntwo\nthree\n");
}

TEST_F(LineFileTest, CutsATornOnlyLine) {
  write_file_plain(path_, "torn");
  LineFile file(path_);
  EXPECT_EQ(file.read(), "");
  file.append("one");
  EXPECT_EQ(read_file(path_), "one\n");
}

TEST_F(LineFileTest, LeavesNoEmptyFileBehind) {
  { const LineFile file(path_); }
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(LineFileTest, IsOpenedByOneAtATime) {
  const LineFile file(path_);
  EXPECT_THAT([&] { LineFile{path_}; },
              ThrowsMessage<Error>(HasSubstr("another process is writing " + path_.string())));
}

TEST_F(LineFileTest, NamesAPlaceThatCannotBeWritten) {
  EXPECT_THAT([&] { LineFile{folder_ / "none/lines"}; },
              ThrowsMessage<Error>(HasSubstr("none/lines")));
  EXPECT_THAT([&] { LineFile{folder_.path()}; },
              ThrowsMessage<Error>(HasSubstr(folder_.path().string())));
}

}  // namespace
}  // namespace pcnet::core
