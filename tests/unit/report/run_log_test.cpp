#include "pcnet/report/run_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"

#include "support/temporary_folder.h"

namespace pcnet::report {
namespace {

class RunLogTest : public ::testing::Test {
 protected:
  std::string text() const { return core::read_file(path_); }
  support::TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "log.jsonl";
};

TEST_F(RunLogTest, WritesALineAnEventAtOnce) {
  RunLog log(path_, 0);
  log.write({{"event", "start"}});
  log.write({{"event", "step"}, {"step", 1}});
  EXPECT_EQ(text(), "{\"event\":\"start\"}\n{\"event\":\"step\",\"step\":1}\n");
}

TEST_F(RunLogTest, DropsLaterLinesAndATornLastOneOnResume) {
  const std::string kept =
      "{\"event\":\"start\"}\n{\"event\":\"step\",\"step\":9}\n"
      "{\"event\":\"step\",\"step\":10}\n";
  core::write_file_plain(path_, kept + "{\"event\":\"step\",\"step\":11}\n" +
                                    "{\"event\":\"validation\",\"step\":12}\n{\"event\":\"st");
  RunLog log(path_, 10);
  EXPECT_EQ(text(), kept);
  log.write({{"event", "step"}, {"step", 11}});
  EXPECT_EQ(text(), kept + "{\"event\":\"step\",\"step\":11}\n");
}

TEST_F(RunLogTest, EndsALastLineWithoutLineBreak) {
  core::write_file_plain(path_, "{\"event\":\"step\",\"step\":1}");
  RunLog log(path_, 5);
  log.write({{"step", 2}});
  EXPECT_EQ(text(), "{\"event\":\"step\",\"step\":1}\n{\"step\":2}\n");
}

TEST_F(RunLogTest, DropsLinesThatAreNoEvents) {
  core::write_file_plain(path_, "7\n[]\n\n{\"step\":1}\n");
  const RunLog log(path_, 5);
  EXPECT_EQ(text(), "{\"step\":1}\n");
}

TEST_F(RunLogTest, RefusesAPathThatCannotBeWritten) {
  EXPECT_THROW(RunLog(folder_ / "none/log.jsonl", 0), core::Error);
}

}  // namespace
}  // namespace pcnet::report
