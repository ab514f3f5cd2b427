#include "pcnet/engine/run_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"

#include "support/temporary_folder.h"

namespace pcnet::engine {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(RunFolder, IsMadeWithItsParents) {
  const support::TemporaryFolder folder;
  const RunFolder run(folder / "a/b");
  EXPECT_TRUE(std::filesystem::is_directory(folder / "a/b/checkpoints"));
  EXPECT_FALSE(run.holds_run());
  core::write_file_plain(run.last(), "x");
  EXPECT_TRUE(run.holds_run());
  std::filesystem::remove(run.last());
  core::write_file_plain(run.config(), "x");
  EXPECT_TRUE(run.holds_run());
  EXPECT_EQ(run.best(), folder / "a/b/checkpoints/best.safetensors");
}

TEST(RunFolder, IsLockedWhileItIsOpen) {
  const support::TemporaryFolder folder;
  {
    const RunFolder run(folder / "run");
    EXPECT_THAT([&] { RunFolder(folder / "run"); },
                ThrowsMessage<core::Error>(AllOf(HasSubstr((folder / "run").string()),
                                                 HasSubstr("is in use by process"))));
  }
  EXPECT_NO_THROW(RunFolder(folder / "run"));
}

TEST(RunFolder, IsMadeWhereALinkLeadsAndGoesWithoutTheLink) {
  const support::TemporaryFolder folder;
  std::filesystem::create_directory_symlink("far", folder / "link");
  {
    const RunFolder run(folder / "link");
    EXPECT_TRUE(std::filesystem::is_directory(folder / "far/checkpoints"));
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "far"));  // nothing was begun in it
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
}

TEST(RunFolder, RefusesAFile) {
  const support::TemporaryFolder folder;
  core::write_file_plain(folder / "file", "x");
  EXPECT_THROW(RunFolder(folder / "file"), core::Error);
}

}  // namespace
}  // namespace pcnet::engine
