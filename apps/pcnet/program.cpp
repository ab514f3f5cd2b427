#include "program.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include <c10/util/Exception.h>
#include <fcntl.h>
#include <torch/version.h>
#include <unistd.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/core/memory.h"
#include "pcnet/core/signals.h"
#include "pcnet/core/version.h"
#include "pcnet/distributed/team.h"

#include "command.h"
#include "usage.h"

namespace pcnet::app {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;
constexpr int kSignalled = 128;  // and the signal's number

void add_global_options(CLI::App& root, GlobalOptions& globals) {
  root.set_help_flag("-h,--help", "show this help");
  root.set_version_flag(
      "--version",
      [] { return core::cat("pcnet ", core::version(), " (torch ", TORCH_VERSION, ")"); },
      "show the versions");
  root.add_flag("-v,--verbose", globals.verbose, "say more; -vv shows stack traces with errors");
  root.add_flag("-q,--quiet", globals.quiet, "say nothing but errors");
  root.add_option("--device", globals.device, "what computes")->type_name("auto|cpu|cuda|cuda:N");
  root.add_option("--threads", globals.threads,
                  "threads; 0: OMP_NUM_THREADS, else all usable cores")
      ->type_name("N")
      ->check(CLI::Range(0, 1024).description(""));
  root.add_flag("--json", globals.json, "the result on stdout is one JSON document");
  root.add_option("--set", globals.set, "a configuration value, wins over the file; repeatable")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
}

void build(CLI::App& root, GlobalOptions& globals, Action& action) {
  root.name("pcnet");
  root.fallthrough();
  root.require_subcommand(0, 1);
  root.get_formatter()->column_width(30);
  root.get_formatter()->label("REQUIRED", "");
  root.get_formatter()->label("OPTIONS", "options");
  root.get_formatter()->label("SUBCOMMAND", "command");
  root.get_formatter()->label("Positionals", "Arguments");
  add_global_options(root, globals);
  add_data(root, globals, action);
  add_cues(root, globals, action);
  add_proposals(root, globals, action);
  add_train(root, globals, action);
  add_eval(root, globals, action);
  add_report(root, globals, action);
  add_study(root, globals, action);
  add_predict(root, globals, action);
  add_serve(root, globals, action);
  add_bench(root, globals, action);
  add_weights(root, globals, action);
  add_config(root, globals, action);
  add_doctor(root, globals, action);
  add_completion(root, action);
  add_man(root, action);
  root.footer(
      "Examples:\n"
      "  pcnet data synth --out data\n"
      "  pcnet train configs/refsynth/clip.yaml --root data --run runs/clip\n"
      "  pcnet eval runs/clip --split testA\n"
      "  pcnet predict runs/clip --image a.png --text \"the small red circle\" --out found\n"
      "\n"
      "Results go to stdout, everything else to stderr. A file to write may be a link, a pipe\n"
      "or a device; where it is /dev/stdout, the results go to stderr.\n"
      "Exit codes: 0 ok, 1 the work failed, 2 wrong usage or configuration,\n"
      "130 and 143 stopped by Ctrl-C and SIGTERM after saving.");
}

void set_log_level(const GlobalOptions& globals) {
  using core::log::Level;
  if (globals.quiet && globals.verbose > 0) {
    throw core::UsageError("-v and -q contradict each other: give one of them");
  }
  if (!globals.leads()) return;
  if (globals.quiet) core::log::set_level(Level::kError);
  if (globals.verbose == 1) core::log::set_level(Level::kDebug);
  if (globals.verbose > 1) core::log::set_level(Level::kTrace);
}

/// What several processes do together; anything else would be done once by each.
constexpr std::array kShared = {"train",       "eval",       "proposals make", "data pack",
                                "bench train", "bench eval", "bench load",     "doctor"};

void require_shared(const CLI::App& root, const GlobalOptions& globals) {
  if (globals.team == nullptr) return;
  std::string command;
  for (const CLI::App* app = &root; !app->get_subcommands().empty();) {
    app = app->get_subcommands().front();
    command += (command.empty() ? "" : " ") + app->get_name();
  }
  if (std::find(kShared.begin(), kShared.end(), command) != kShared.end()) return;
  const std::vector<std::string> shared(kShared.begin(), kShared.end());
  throw core::UsageError(core::cat("`pcnet ", command, "` was started as ",
                                   globals.team->communicator()->size(),
                                   " processes, which would each do all of it: start it alone; ",
                                   "several processes share ", core::join(shared, ", ")));
}

/// One of several that does not lead: it says nothing, and its result goes nowhere.
void follow() {
  static std::ofstream nowhere("/dev/null");
  std::cout.rdbuf(nowhere.rdbuf());
  core::log::set_level(core::log::Level::kError);
}

/// A closed standard stream would hand its number to the first file that is opened, and results
/// would be written into it.
void keep_standard_streams() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // Read-only also for output: writing then fails as it does on a closed stream.
    if (::fcntl(descriptor, F_GETFD) == -1) (void)!::open("/dev/null", O_RDONLY);
  }
}

/// Error when a part of the result did not reach stdout.
void flush_result() {
  errno = 0;
  std::cout.flush();
  const bool flushed = std::fflush(stdout) == 0;
  if (std::cout && flushed && std::ferror(stdout) == 0) return;
  throw core::Error(core::cat(
      "cannot write the result to stdout",
      errno != 0 ? core::cat(": ", std::strerror(errno)) : ": it is closed, or the disk is full"));
}

void print_lines(std::string_view prefix, std::string_view message) {
  while (!message.empty()) {
    const std::size_t end = message.find('\n');
    std::cerr << prefix << message.substr(0, end) << "\n";
    message = end == std::string_view::npos ? std::string_view{} : message.substr(end + 1);
  }
}

/// Of several processes one speaks: that which leads, for whichever failed.
int end_with(distributed::Team* team, std::string message, int exit_code) {
  // Without a team, by the number that whoever started this process gave it.
  const bool speaks =
      team != nullptr ? team->fail(message, exit_code) : distributed::rank_in_environment() == 0;
  const bool stopped = exit_code > kSignalled;
  if (speaks) print_lines(stopped ? "pcnet: " : "pcnet: error: ", message);
  return exit_code;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/// Parses and runs; the number is the exit code.
int run(CLI::App& root, GlobalOptions& globals, const Action& action, int argc, char** argv) {
  try {
    root.parse(argc, argv);
  } catch (const CLI::CallForVersion& version) {
    std::cout << version.what() << "\n";
    flush_result();
    return 0;
  } catch (const CLI::CallForHelp&) {
    std::cout << root.help();
    flush_result();
    return 0;
  } catch (const CLI::ParseError& fault) {
    return end_with(globals.team, usage_message(root, fault), kWrongUsage);
  }
  if (!action) {
    if (globals.leads()) std::cerr << root.help();
    return kWrongUsage;
  }
  require_shared(root, globals);
  set_log_level(globals);
  core::install_stop_handler();
  int exit_code = 0;
  try {
    action();
  } catch (const ExitCode& exit) {
    exit_code = exit.code;
  }
  flush_result();
  return exit_code;
}

std::string out_of_memory(const std::exception& fault) {
  const auto asked = core::bytes_asked_for(fault);
  return core::cat("out of memory", asked ? ": " + core::human_bytes(*asked) + " asked for" : "",
                   "; use a smaller batch (train.batch_size, eval.batch_size) or a smaller ",
                   "data.image_size");
}

}  // namespace

// The one place where exceptions become messages and exit codes.
int run_program(int argc, char** argv) {
  keep_standard_streams();
  CLI::App root("Weakly-supervised referring image segmentation.");
  GlobalOptions globals;
  Action action;
  std::unique_ptr<distributed::Team> team;
  try {
    if (distributed::is_one_of_several()) {
      core::install_stop_handler();  // before a signal can come while the others are awaited
      team = distributed::Team::start();
      globals.team = team.get();
      if (!globals.leads()) follow();
    }
    build(root, globals, action);
    const int exit_code = run(root, globals, action, argc, argv);
    if (team && exit_code != kWrongUsage) team->finish();
    return exit_code;
  } catch (const core::Interrupted& stopped) {
    return end_with(team.get(), stopped.what(), stopped.exit_code());
  } catch (const core::Error& error) {
    return end_with(team.get(), error.what(), error.exit_code());
  } catch (const std::bad_alloc& error) {
    return end_with(team.get(), out_of_memory(error), kFailed);
  } catch (const c10::Error& error) {
    if (core::is_out_of_memory(error)) return end_with(team.get(), out_of_memory(error), kFailed);
    const bool with_stack = globals.verbose > 1;
    return end_with(
        team.get(),
        with_stack ? std::string(error.what()) : first_line(error.what_without_backtrace()),
        kFailed);
  } catch (const std::exception& error) {
    return end_with(team.get(), error.what(), kFailed);
  }
}

}  // namespace pcnet::app
