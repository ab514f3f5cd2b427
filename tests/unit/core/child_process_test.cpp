#include "pcnet/core/child_process.h"

#include <chrono>
#include <csignal>
#include <thread>

#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"

#include "support/temporary_folder.h"

namespace pcnet::core {
namespace {

int wait_for(ChildProcess& process) {
  for (int i = 0; i < 2000; ++i) {
    if (const auto code = process.exit_code()) return *code;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return -1;
}

TEST(ChildProcess, GivesItsExitCodeAndWhatItSaid) {
  const support::TemporaryFolder folder;
  const auto log = folder.path() / "log";
  ChildProcess first("/bin/sh", {"-c", "echo out; echo err >&2; exit 3"}, log);
  EXPECT_EQ(wait_for(first), 3);
  EXPECT_EQ(first.exit_code(), 3);
  ChildProcess second("/bin/sh", {"-c", "echo more"}, log);
  EXPECT_EQ(wait_for(second), 0);
  EXPECT_EQ(read_file(log), "out\nerr\nmore\n");
}

TEST(ChildProcess, TellsTheSignalThatEndedIt) {
  const support::TemporaryFolder folder;
  ChildProcess process("/bin/sh", {"-c", "exec sleep 60"}, folder.path() / "log");
  EXPECT_FALSE(process.exit_code());
  process.stop();
  EXPECT_EQ(wait_for(process), 128 + SIGTERM);
}

TEST(ChildProcess, IsStoppedAndWaitedForWhenItGoesOutOfScope) {
  const support::TemporaryFolder folder;
  const auto log = folder.path() / "log";
  {
    ChildProcess process(
        "/bin/sh", {"-c", "trap 'echo saved; exit 0' TERM; echo up; while :; do sleep 0.01; done"},
        log);
    while (read_file(log) != "up\n") std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(read_file(log), "up\nsaved\n");
}

TEST(ChildProcess, IsAskedToStopOnlyOnce) {
  const support::TemporaryFolder folder;
  const auto log = folder.path() / "log";
  {
    ChildProcess process("/bin/sh",
                         {"-c",
                          "trap 'echo asked' TERM; echo up; i=0; while [ $i -lt 40 ]; do "
                          "sleep 0.01; i=$((i + 1)); done; exit 4"},
                         log);
    while (read_file(log) != "up\n") std::this_thread::sleep_for(std::chrono::milliseconds(5));
    process.stop();
    while (read_file(log) != "up\nasked\n") {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    process.stop();
  }
  EXPECT_EQ(read_file(log), "up\nasked\n");
}

TEST(ChildProcess, RefusesAProgramOrALogThatIsNotThere) {
  const support::TemporaryFolder folder;
  EXPECT_THROW(ChildProcess("/no/such/program", {}, folder.path() / "log"), Error);
  EXPECT_THROW(ChildProcess("/bin/sh", {}, folder.path() / "no" / "log"), Error);
}

TEST(ChildProcess, KnowsTheProgramThatRuns) { EXPECT_EQ(this_program().filename(), "plain_tests"); }

}  // namespace
}  // namespace pcnet::core
