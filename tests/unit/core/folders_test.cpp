#include "pcnet/core/folders.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"

#include "support/temporary_folder.h"

namespace pcnet::core {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
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

TEST(AtomicFolder, FollowsALinkToAnEmptyFolderAndToNone) {
  const support::TemporaryFolder parent;
  fs::create_directories(parent / "empty");
  for (const char* name : {"empty", "none"}) {
    const std::string link = std::string("link_to_") + name;
    fs::create_directory_symlink(name, parent / link);
    AtomicFolder folder((parent / link).string() + "/");
    write_file_plain(folder.path() / "a", "x");
    folder.commit();
    EXPECT_TRUE(fs::is_symlink(parent / link));
    EXPECT_EQ(read_file(parent / (std::string(name) + "/a")), "x");
    EXPECT_THAT([&] { AtomicFolder again(parent / link); },
                ThrowsMessage<Error>(HasSubstr("is not empty")));
  }
}

TEST(AtomicFolder, KeepsTheModeOfTheEmptyFolderThatItReplaces) {
  const support::TemporaryFolder parent;
  fs::create_directory(parent / "out");
  fs::permissions(parent / "out", fs::perms{0710});
  AtomicFolder folder(parent / "out");
  write_file_plain(folder.path() / "a", "x");
  folder.commit();
  EXPECT_EQ(fs::status(parent / "out").permissions(), fs::perms{0710});
  EXPECT_TRUE(fs::exists(parent / "out/a"));
}

TEST(ListFolder, GivesWhatIsOfTheUserByName) {
  const support::TemporaryFolder folder;
  fs::create_directories(folder / "b");
  fs::create_directories(folder / ".hidden");
  for (const char* name : {"c.json", "a.json", "._a.json", ".DS_Store", ".c.json.swp", "c.json~",
                           "#c.json#", ".#c.json", "#kept", "~kept"}) {
    write_file_plain(folder / name, "x");
  }
  std::vector<std::string> names;
  for (const auto& entry : list_folder(folder.path())) names.push_back(entry.path().filename());
  EXPECT_THAT(names, ElementsAre("#kept", "a.json", "b", "c.json", "~kept"));
}

TEST(ListFolder, TellsThatAFolderCannotBeRead) {
  const support::TemporaryFolder folder;
  EXPECT_THAT([&] { list_folder(folder / "none"); },
              ThrowsMessage<Error>(AllOf(HasSubstr("cannot read the folder"), HasSubstr("none"))));
  std::error_code code;
  EXPECT_TRUE(list_folder(folder / "none", code).empty());
  EXPECT_EQ(code, std::errc::no_such_file_or_directory);
}

}  // namespace
}  // namespace pcnet::core
