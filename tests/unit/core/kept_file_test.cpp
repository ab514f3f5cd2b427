#include "pcnet/core/kept_file.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "support/temporary_folder.h"

namespace pcnet::core {
namespace {

class KeptFileTest : public ::testing::Test {
 protected:
  std::ptrdiff_t files() const {
    return std::distance(std::filesystem::directory_iterator(folder_.path()), {});
  }

  support::TemporaryFolder folder_;
  const std::filesystem::path now_ = folder_ / "now";
  const std::filesystem::path before_ = folder_ / "before";
};

TEST_F(KeptFileTest, HoldsWhatTheFileHadBeforeItWasReplaced) {
  write_file(now_, "one");
  write_file(before_, "zero");
  KeptFile kept(now_, before_);
  write_file(now_, "two");
  EXPECT_EQ(read_file(before_), "zero");  // both are there until all is whole
  kept.commit();
  EXPECT_EQ(read_file(before_), "one");
  EXPECT_EQ(read_file(now_), "two");
  EXPECT_EQ(files(), 2);
}

TEST_F(KeptFileTest, LeavesTheSecondNameAloneWithoutCommit) {
  write_file(now_, "one");
  write_file(before_, "zero");
  { const KeptFile kept(now_, before_); }
  EXPECT_EQ(read_file(before_), "zero");
  EXPECT_EQ(read_file(now_), "one");
  EXPECT_EQ(files(), 2);
}

TEST_F(KeptFileTest, KeepsNothingWhereNothingIs) {
  write_file(before_, "zero");
  KeptFile kept(now_, before_);
  write_file(now_, "one");
  kept.commit();
  EXPECT_EQ(read_file(before_), "zero");
  EXPECT_EQ(files(), 2);
}

TEST_F(KeptFileTest, LeavesNothingOverWhenBothAreOneFile) {
  write_file(now_, "one");
  for (int i = 0; i < 2; ++i) {
    KeptFile kept(now_, before_);
    kept.commit();
  }
  EXPECT_EQ(read_file(before_), "one");
  EXPECT_EQ(files(), 2);
}

TEST_F(KeptFileTest, HoldsWhatWasAtTheEndOfALink) {
  write_file(folder_ / "far", "one");
  std::filesystem::create_symlink("far", now_);
  std::filesystem::create_symlink("far_before", before_);
  KeptFile kept(now_, before_);
  write_file(now_, "two");
  kept.commit();
  EXPECT_EQ(read_file(folder_ / "far_before"), "one");
  EXPECT_EQ(read_file(folder_ / "far"), "two");
  EXPECT_TRUE(std::filesystem::is_symlink(now_));
  EXPECT_TRUE(std::filesystem::is_symlink(before_));
}

TEST_F(KeptFileTest, IsClearedAwayAfterAKill) {
  write_file(now_, "one");
  const KeptFile kept(now_, before_);
  EXPECT_EQ(files(), 2);  // the file and its second name for the time being
  remove_abandoned_files(folder_.path());
  EXPECT_EQ(files(), 1);
}

}  // namespace
}  // namespace pcnet::core
