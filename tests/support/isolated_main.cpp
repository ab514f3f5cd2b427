// The main of the unit tests. As GoogleTest's, but with --isolated every test runs in a child of
// its own, forked before anything was computed: LibTorch is loaded once, and a test that crashes,
// hangs or leaves a changed process behind is named and touches no other.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pcnet/core/process_end.h"

namespace {

constexpr unsigned kPatience = 120;  // seconds of a test before it counts as hanging
constexpr int kPassed = 76;          // not 0: a test that ends its process has not passed
constexpr int kSkipped = 77;

/// GoogleTest's wildcards: * any text, ? any letter.
bool matches(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*') {
    return matches(pattern.substr(1), name) || (!name.empty() && matches(pattern, name.substr(1)));
  }
  return !name.empty() && (pattern[0] == '?' || pattern[0] == name[0]) &&
         matches(pattern.substr(1), name.substr(1));
}

bool matches_any(std::string_view patterns, std::string_view name) {
  while (true) {
    const std::size_t end = std::min(patterns.find(':'), patterns.size());
    if (matches(patterns.substr(0, end), name)) return true;
    if (end == patterns.size()) return false;
    patterns.remove_prefix(end + 1);
  }
}

/// Whether --gtest_filter, "wanted:...-unwanted:...", takes a test.
bool is_wanted(std::string_view name) {
  const std::string filter = GTEST_FLAG_GET(filter);
  const std::size_t minus = filter.find('-');
  const std::string wanted = minus == 0 ? "*" : filter.substr(0, minus);
  if (!matches_any(wanted, name)) return false;
  return minus == std::string::npos ||
         !matches_any(std::string_view(filter).substr(minus + 1), name);
}

std::vector<std::string> wanted_tests() {
  std::vector<std::string> names;
  const auto& all = *testing::UnitTest::GetInstance();
  for (int i = 0; i < all.total_test_suite_count(); ++i) {
    const auto& suite = *all.GetTestSuite(i);
    for (int j = 0; j < suite.total_test_count(); ++j) {
      const std::string name = std::string(suite.name()) + "." + suite.GetTestInfo(j)->name();
      const bool disabled = name.starts_with("DISABLED_") || name.find(".DISABLED_") != name.npos ||
                            name.find("/DISABLED_") != name.npos;
      if (is_wanted(name) && (!disabled || GTEST_FLAG_GET(also_run_disabled_tests))) {
        names.push_back(name);
      }
    }
  }
  return names;
}

/// Runs one test in this process, a child.
[[noreturn]] void run_here(const std::string& name) {
  alarm(kPatience);
  GTEST_FLAG_SET(filter, name);
  const int failed = RUN_ALL_TESTS();
  const auto& result = *testing::UnitTest::GetInstance();
  if (result.test_to_run_count() != 1) {
    std::printf("GoogleTest ran %d tests, not one\n", result.test_to_run_count());
    pcnet::core::end_process(1);
  }
  pcnet::core::end_process(failed != 0 ? 1 : result.skipped_test_count() > 0 ? kSkipped : kPassed);
}

/// "crashed: Segmentation fault", "hung", ... of a child's end.
std::string end_of(int status) {
  if (WIFEXITED(status)) return "exit code " + std::to_string(WEXITSTATUS(status));
  if (WTERMSIG(status) == SIGALRM) return "hung for " + std::to_string(kPatience) + " s";
  return std::string("crashed: ") + strsignal(WTERMSIG(status));
}

int run_isolated() {
  const auto names = wanted_tests();
  std::vector<std::string> failed;
  std::size_t skipped = 0;
  for (const auto& name : names) {
    std::fflush(nullptr);
    const auto start = std::chrono::steady_clock::now();
    const pid_t child = fork();
    if (child == 0) run_here(name);
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
      std::perror("isolated tests: no child");
      return 1;
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    const bool skip = WIFEXITED(status) && WEXITSTATUS(status) == kSkipped;
    const bool ok = WIFEXITED(status) && WEXITSTATUS(status) == kPassed;
    std::printf("[ %s ] %s (%.2f s)\n",
                ok     ? "  OK  "
                : skip ? " SKIP "
                       : "FAILED",
                name.c_str(), took.count());
    if (skip) ++skipped;
    if (!ok && !skip) failed.push_back(name + ": " + end_of(status));
  }
  std::printf("%zu tests, %zu failed, %zu skipped\n", names.size(), failed.size(), skipped);
  for (const auto& test : failed) std::printf("FAILED %s\n", test.c_str());
  if (names.empty()) std::printf("no test has such a name\n");
  if (skipped > 0 && skipped == names.size()) return kSkipped;
  return failed.empty() && !names.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  // A "threadsafe" death test starts this program anew, with --isolated too: it is a child already.
  const bool again = std::any_of(argv, argv + argc, [](std::string_view argument) {
    return argument.starts_with("--gtest_internal_run_death_test");
  });
  const bool isolated = !again && argc > 1 && std::strcmp(argv[1], "--isolated") == 0;
  GTEST_FLAG_SET(brief, isolated);  // only what fails is shown; without effect after the next line
  testing::InitGoogleMock(&argc, argv);
  return isolated && !GTEST_FLAG_GET(list_tests) ? run_isolated() : RUN_ALL_TESTS();
}
