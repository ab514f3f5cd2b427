#include "pcnet/core/folders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"

#include "support/temporary_folder.h"

namespace pcnet::core {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(AtomicFolder, AppearsWhenItIsWhole) {
  const support::TemporaryFolder parent;
  const fs::path target = parent / "out";
  {
    AtomicFolder folder(target.string() + "/");
    write_file_plain(folder.path() / "a", "x");
    EXPECT_FALSE(fs::exists(target));
    EXPECT_EQ(folder.target(), target);
    folder.commit();
  }
  EXPECT_EQ(read_file(target / "a"), "x");
  EXPECT_EQ(std::distance(fs::directory_iterator(parent.path()), {}), 1);
}

TEST(AtomicFolder, LeavesNothingWithoutCommit) {
  const support::TemporaryFolder parent;
  {
    const AtomicFolder folder(parent / "out");
    write_file_plain(folder.path() / "a", "x");
  }
  EXPECT_TRUE(fs::is_empty(parent.path()));
}

TEST(AtomicFolder, RefusesWhatHoldsSomething) {
  const support::TemporaryFolder parent;
  fs::create_directories(parent / "full");
  write_file_plain(parent / "full/a", "x");
  EXPECT_THAT([&] { AtomicFolder folder(parent / "full"); },
              ThrowsMessage<Error>(HasSubstr("is not empty")));
  EXPECT_THAT([&] { AtomicFolder folder(parent / "full/a"); },
              ThrowsMessage<Error>(HasSubstr("is no folder")));
  EXPECT_THROW(AtomicFolder{""}, UsageError);
  fs::create_directories(parent / "empty");
  AtomicFolder folder(parent / "empty");
  folder.commit();
  EXPECT_TRUE(fs::is_directory(parent / "empty"));
}

}  // namespace
}  // namespace pcnet::core
