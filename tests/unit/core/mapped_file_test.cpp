#include "pcnet/core/mapped_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"

#include "support/temporary_folder.h"

namespace pcnet::core {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class MappedFileTest : public ::testing::Test {
 protected:
  support::TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "file";
};

TEST_F(MappedFileTest, HoldsTheBytesOfTheFile) {
  write_file(path_, "seven b");
  EXPECT_EQ(MappedFile(path_).bytes(), "seven b");
  write_file(path_, "");
  EXPECT_EQ(MappedFile(path_).bytes(), "");
}

TEST_F(MappedFileTest, APrivateCopyCanBeWrittenToAloneAndForItselfOnly) {
  write_file(path_, "abc");
  const MappedFile copy(path_, MappedFile::Access::kPrivateCopy);
  const MappedFile other(path_);
  const_cast<char&>(copy.bytes()[1]) = 'X';
  EXPECT_EQ(copy.bytes(), "aXc");
  EXPECT_EQ(other.bytes(), "abc");
  EXPECT_EQ(read_file(path_), "abc");
}

TEST_F(MappedFileTest, OutlivesItsName) {
  write_file(path_, "abc");
  const MappedFile file(path_);
  write_file(path_, "another file of that name");
  EXPECT_EQ(file.bytes(), "abc");
}

TEST_F(MappedFileTest, RefusesWhatIsNoFile) {
  EXPECT_THAT([&] { MappedFile file(folder_ / "none"); },
              ThrowsMessage<Error>(HasSubstr("none: No such file")));
  EXPECT_THAT([&] { MappedFile file(folder_.path()); },
              ThrowsMessage<Error>(HasSubstr("it is a directory")));
  EXPECT_THAT([&] { MappedFile file("/dev/null"); },
              ThrowsMessage<Error>(HasSubstr("not a regular file")));
}

}  // namespace
}  // namespace pcnet::core
