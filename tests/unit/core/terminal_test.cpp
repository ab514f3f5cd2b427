#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include "pcnet/core/log.h"
#include "pcnet/core/progress.h"

namespace pcnet::core {
namespace {

using ::testing::HasSubstr;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

class StderrOutput : public ::testing::Test {
 protected:
  void TearDown() override { log::set_level(log::Level::kInfo); }

  template <class Work>
  std::string written_at(log::Level level, Work work) {
    log::set_level(level);
    CaptureStderr();
    work();
    return GetCapturedStderr();
  }
};

void say_everything() {
  log::error("e");
  log::warning("w");
  log::info("i");
  log::debug("d");
}

TEST_F(StderrOutput, LogWritesWhatTheLevelAllows) {
  EXPECT_EQ(written_at(log::Level::kQuiet, say_everything), "");
  EXPECT_EQ(written_at(log::Level::kError, say_everything), "error: e\n");
  EXPECT_EQ(written_at(log::Level::kInfo, say_everything), "error: e\nwarning: w\ni\n");
  EXPECT_EQ(written_at(log::Level::kDebug, say_everything), "error: e\nwarning: w\ni\ndebug: d\n");
}

TEST_F(StderrOutput, ProgressIsSilentWhenQuiet) {
  EXPECT_EQ(written_at(log::Level::kError,
                       [] {
                         Progress progress("training", 10, "images");
                         progress.update(5, "loss 1");
                         progress.finish();
                       }),
            "");
}

TEST_F(StderrOutput, ProgressEndsWithOneLine) {
  const std::string written = written_at(log::Level::kInfo, [] {
    Progress progress("training", 10, "images");
    for (int i = 1; i <= 10; ++i) progress.update(i, "loss 0.5");
    progress.finish();
    progress.finish();
  });
  EXPECT_THAT(written, HasSubstr("training: 100% 10/10 images"));
  EXPECT_THAT(written, HasSubstr("loss 0.5\n"));
  EXPECT_EQ(std::count(written.begin(), written.end(), '\n'), 1);
}

TEST_F(StderrOutput, ProgressThatIsNotFinishedLeavesNothing) {
  EXPECT_EQ(written_at(log::Level::kInfo,
                       [] {
                         Progress progress("training", 10, "images");
                         progress.update(5);
                       }),
            "");
}

TEST_F(StderrOutput, ProgressOfUnknownLengthShowsNoPercentage) {
  const std::string written = written_at(log::Level::kInfo, [] {
    Progress progress("reading", 0, "lines");
    progress.update(7);
    progress.finish();
  });
  EXPECT_THAT(written, HasSubstr("reading: 7 lines"));
  EXPECT_EQ(written.find('%'), std::string::npos);
}

/// Makes stderr a terminal of `columns` columns while `work` runs; what the terminal got.
template <class Work>
std::string shown_on_terminal(unsigned short columns, Work work) {
  int master = -1;
  int slave = -1;
  winsize size{};
  size.ws_col = columns;
  size.ws_row = 24;
  if (::openpty(&master, &slave, nullptr, nullptr, &size) != 0) return "";
  const int saved = ::dup(STDERR_FILENO);
  ::dup2(slave, STDERR_FILENO);
  work();
  ::dup2(saved, STDERR_FILENO);
  ::close(saved);
  ::close(slave);
  // The kernel hands it on piece by piece; the end comes when nobody has the terminal open.
  std::string shown;
  char piece[4096];
  for (ssize_t got = 0; (got = ::read(master, piece, sizeof(piece))) > 0;) {
    shown.append(piece, static_cast<std::size_t>(got));
  }
  ::close(master);
  return shown;
}

const std::string kClearLine = "\r\x1b[2K";

TEST_F(StderrOutput, BarMovesBelowALogLineAndFitsTheTerminal) {
  const std::string shown = shown_on_terminal(50, [] {
    Progress progress("training", 4, "images");
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
    progress.update(1, "a note that is far too long for the fifty columns that there are");
    log::info("hello");
  });
  ASSERT_TRUE(shown.starts_with(kClearLine)) << shown;
  const std::string bar = shown.substr(kClearLine.size(), shown.find('\r', 1) - kClearLine.size());
  EXPECT_EQ(bar.size(), 49U) << bar;
  EXPECT_TRUE(bar.starts_with("training 25% 1/4 images, ")) << bar;
  // The bar goes, the line comes, the bar is there again, and at the end it goes.
  EXPECT_EQ(shown, kClearLine + bar + kClearLine + "hello\r\n" + bar + kClearLine);
}

TEST_F(StderrOutput, BarIsFilledByTheShareThatIsDone) {
  const std::string shown = shown_on_terminal(120, [] {
    Progress progress("training", 4, "images");
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
    progress.update(1);
  });
  EXPECT_THAT(shown, HasSubstr("training 25% [######------------------] 1/4 images, "));
  EXPECT_THAT(shown, HasSubstr(" left"));
}

TEST_F(StderrOutput, BarTakesAsManyMoreFactsAsThereIsRoomFor) {
  const auto shown = [](unsigned short columns) {
    return shown_on_terminal(columns, [] {
      Progress progress("training", 4, "images");
      std::this_thread::sleep_for(std::chrono::milliseconds(120));
      progress.update(1, "loss 1", {"first 1", "second 2"});
    });
  };
  EXPECT_THAT(shown(160), HasSubstr("loss 1, first 1, second 2"));
  EXPECT_THAT(shown(160), HasSubstr("[######------------------]"));
  const std::string narrow = shown(84);
  EXPECT_THAT(narrow, HasSubstr("loss 1, first 1"));
  EXPECT_EQ(narrow.find("second"), std::string::npos) << narrow;
  EXPECT_NE(narrow.find("[#"), std::string::npos) << narrow;  // the bar itself comes first
  EXPECT_EQ(shown(70).find("first"), std::string::npos);
}

TEST_F(StderrOutput, ColoursThePrefixUnlessUnwanted) {
  const auto warn = [] { log::warning("w"); };
  ::unsetenv("NO_COLOR");
  EXPECT_EQ(shown_on_terminal(80, warn), "\x1b[1;33mwarning: \x1b[0mw\r\n");
  ::setenv("NO_COLOR", "1", 1);
  EXPECT_EQ(shown_on_terminal(80, warn), "warning: w\r\n");
  ::unsetenv("NO_COLOR");
}

}  // namespace
}  // namespace pcnet::core
