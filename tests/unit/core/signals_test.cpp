#include "pcnet/core/signals.h"

#include <csignal>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "pcnet/core/error.h"

// Each test runs in a process of its own: handlers cannot be taken back.
namespace pcnet::core {
namespace {

int exit_code_after(int signal) {
  install_stop_handler();
  throw_if_stopped("nothing yet");
  std::raise(signal);
  try {
    throw_if_stopped("the state is saved");
  } catch (const Interrupted& stopped) {
    return std::string(stopped.what()).ends_with(": the state is saved") ? stopped.exit_code() : 1;
  }
  return 0;
}

TEST(StopHandlerDeathTest, TurnsTheFirstSignalIntoInterrupted) {
  EXPECT_EXIT(::_exit(exit_code_after(SIGINT)), ::testing::ExitedWithCode(130), "");
  EXPECT_EXIT(::_exit(exit_code_after(SIGTERM)), ::testing::ExitedWithCode(143), "");
}

TEST(StopHandlerDeathTest, LetsTheSecondSignalEndTheProcess) {
  EXPECT_EXIT(
      {
        install_stop_handler();
        std::raise(SIGINT);
        std::raise(SIGTERM);
        ::_exit(0);
      },
      ::testing::KilledBySignal(SIGTERM), "");
}

TEST(StopHandlerDeathTest, IgnoresBrokenPipesAndFileLimits) {
  EXPECT_EXIT(
      {
        install_stop_handler();
        std::raise(SIGPIPE);
        std::raise(SIGXFSZ);
        ::_exit(stop_signal());
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(StopHandlerDeathTest, TakesARequestToSaveOnceAndGoesOn) {
  EXPECT_EXIT(
      {
        install_stop_handler();
        const bool before = take_save_request();
        std::raise(SIGUSR1);
        const bool once = take_save_request();
        const bool again = take_save_request();
        ::_exit(!before && once && !again ? stop_signal() : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace pcnet::core
