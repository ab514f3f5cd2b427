#include "pcnet/core/files.h"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pcnet/core/error.h"

namespace pcnet::core {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "pcnet_files_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
};

template <class Work>
std::string message_of(Work work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

/// Runs `work` in a child process; its exit status, or minus the signal that ended it.
template <class Work>
int in_child(Work work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST_F(Files, AbandonedFilesAreRemovedOnceTheirProcessIsGone) {
  const fs::path path = folder_ / "weights";
  const int gone = in_child([&] {
    AtomicFile file(path);
    file.write("half");
    return std::raise(SIGKILL);
  });
  ASSERT_EQ(gone, -SIGKILL);
  write_file(folder_ / "weights.tmp-x1", "a name that only looks alike");
  write_file(folder_ / "weights.tmp-1", "of a process that lives");
  ASSERT_EQ(entries(), 3U);
  remove_abandoned_files(folder_);
  EXPECT_EQ(entries(), 2U);
  EXPECT_TRUE(fs::exists(folder_ / "weights.tmp-x1"));
  EXPECT_TRUE(fs::exists(folder_ / "weights.tmp-1"));
  remove_abandoned_files(folder_ / "none");
}

TEST_F(Files, ReadFileGivesBackEveryByte) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  write_file(folder_ / "a", bytes);
  EXPECT_EQ(read_file(folder_ / "a"), bytes);
  write_file_plain(folder_ / "b", bytes);
  EXPECT_EQ(read_file(folder_ / "b"), bytes);
}

TEST_F(Files, ReadFileTakesAllThatAPipeGives) {
  const fs::path pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const std::size_t size : {std::size_t{0}, std::size_t{4096}, std::size_t{100'001}}) {
    std::string bytes(size, 'x');
    if (size > 0) bytes.back() = 'y';
    std::thread writer([&] { std::ofstream(pipe, std::ios::binary) << bytes; });
    EXPECT_EQ(read_file(pipe), bytes);
    writer.join();
  }
}

TEST_F(Files, ReadFileNamesAMissingFileAndAFolder) {
  EXPECT_THAT(message_of([&] { read_file(folder_ / "none"); }), HasSubstr("none: No such file"));
  EXPECT_THAT(message_of([&] { read_file(folder_); }), HasSubstr("it is a folder"));
}

TEST_F(Files, AtomicFileAppearsOnlyOnCommit) {
  AtomicFile file(folder_ / "a");
  file.write("whole");
  EXPECT_FALSE(fs::exists(folder_ / "a"));
  file.commit();
  EXPECT_EQ(read_file(folder_ / "a"), "whole");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(Files, AtomicFileLeavesNothingWithoutCommit) {
  write_file(folder_ / "a", "old");
  {
    AtomicFile file(folder_ / "a");
    file.write("half");
  }
  EXPECT_EQ(read_file(folder_ / "a"), "old");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(Files, AtomicFileKeepsTheOldFileWhenTheProcessIsKilled) {
  write_file(folder_ / "a", "old");
  const int status = in_child([&] {
    AtomicFile file(folder_ / "a");
    file.write("half");
    std::raise(SIGKILL);
    return 0;
  });
  EXPECT_EQ(status, -SIGKILL);
  EXPECT_EQ(read_file(folder_ / "a"), "old");
}

TEST_F(Files, AtomicFileNamesTheFileThatCannotBeWritten) {
  EXPECT_THAT(message_of([&] { AtomicFile file(folder_ / "none" / "a"); }),
              HasSubstr((folder_ / "none" / "a").string()));
}

TEST_F(Files, AtomicFileThatIsNotSyncedIsWholeUnderItsNameToo) {
  write_file(folder_ / "a", "whole", Sync::kLater);
  sync_disk(folder_);
  EXPECT_EQ(read_file(folder_ / "a"), "whole");
  EXPECT_EQ(entries(), 1U);
  EXPECT_THAT(message_of([&] { sync_disk(folder_ / "none"); }), HasSubstr("none"));
}

TEST_F(Files, EnsureWritableFolderMakesTheFolderOfALink) {
  fs::create_symlink("far/folder", folder_ / "link");
  ensure_writable_folder((folder_ / "link").string() + "/");
  EXPECT_TRUE(fs::is_directory(folder_ / "far/folder"));
}

TEST_F(Files, EnsureWritableFolderCreatesParents) {
  ensure_writable_folder(folder_ / "a" / "b");
  EXPECT_TRUE(fs::is_directory(folder_ / "a" / "b"));
  ensure_writable_folder(folder_ / "a" / "b");
}

TEST_F(Files, EnsureWritableFolderFailsWhereAFileIs) {
  write_file(folder_ / "a", "x");
  EXPECT_THAT(message_of([&] { ensure_writable_folder(folder_ / "a"); }), HasSubstr("a"));
  EXPECT_THAT(message_of([&] { ensure_writable_folder(folder_ / "a" / "b"); }),
              HasSubstr("cannot create the folder"));
}

TEST_F(Files, RequireFreeBytesComparesWithTheDisk) {
  EXPECT_GT(free_bytes(folder_ / "not" / "there"), 0U);
  require_free_bytes(folder_, 1);
  EXPECT_THAT(
      message_of([&] { require_free_bytes(folder_, std::numeric_limits<std::uint64_t>::max()); }),
      HasSubstr("not enough disk space"));
}

TEST_F(Files, FileLockIsRefusedToAnotherProcessAndNamesTheOwner) {
  const fs::path path = folder_ / "lock";
  const std::string owner = std::to_string(::getpid());
  {
    const FileLock lock(path);
    const int refused = in_child([&] {
      const std::string message = message_of([&] { const FileLock second(path); });
      return message.find("in use by process " + owner) != std::string::npos ? 7 : 1;
    });
    EXPECT_EQ(refused, 7);
  }
  EXPECT_EQ(in_child([&] {
              const FileLock second(path);
              return 0;
            }),
            0);
}

}  // namespace
}  // namespace pcnet::core
