#pragma once

#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json_fwd.hpp>

#include "pcnet/core/format.h"
#include "pcnet/distributed/team.h"

namespace pcnet::app {

/// Options that every command takes.
struct GlobalOptions {
  int verbose = 0;
  bool quiet = false;
  bool json = false;
  std::string device;                 // empty: the configuration decides
  int threads = -1;                   // -1: the configuration decides
  std::vector<std::string> set;       // key=value, wins over the file
  distributed::Team* team = nullptr;  // the processes that were started together; null: alone

  /// Whether this process writes and speaks for all.
  bool leads() const { return team == nullptr || team->communicator()->leads(); }

  /// `set` with --device and --threads added as run.device and run.threads.
  std::vector<std::string> overrides() const;
};

/// What the chosen command does once everything is parsed; set by the command's callback.
using Action = std::function<void()>;

/// Thrown by an action whose result is on stdout, but whose exit code is not 0 (files that differ).
struct ExitCode {
  int code;
};

/// One command: adds its options to `root`, and sets `action` when it is the chosen one.
void add_completion(CLI::App& root, Action& action);
void add_config(CLI::App& root, const GlobalOptions& globals, Action& action);
void add_cues(CLI::App& root, const GlobalOptions& globals, Action& action);
void add_data(CLI::App& root, const GlobalOptions& globals, Action& action);
void add_data_convert(CLI::App& data, const GlobalOptions& globals, Action& action);
void add_doctor(CLI::App& root, const GlobalOptions& globals, Action& action);
void add_man(CLI::App& root, Action& action);
void add_train(CLI::App& root, const GlobalOptions& globals, Action& action);
void add_eval(CLI::App& root, const GlobalOptions& globals, Action& action);
void add_predict(CLI::App& root, const GlobalOptions& globals, Action& action);
void add_bench(CLI::App& root, const GlobalOptions& globals, Action& action);
void add_proposals(CLI::App& root, const GlobalOptions& globals, Action& action);
void add_proposals_show(CLI::App& proposals, const GlobalOptions& globals, Action& action);
void add_serve(CLI::App& root, const GlobalOptions& globals, Action& action);
void add_report(CLI::App& root, const GlobalOptions& globals, Action& action);
void add_study(CLI::App& root, const GlobalOptions& globals, Action& action);
void add_weights(CLI::App& root, const GlobalOptions& globals, Action& action);

/// How the paragraph of a command's help that names the global options begins.
inline constexpr const char* kGlobalsNote = "Every command takes";

/// A sub-command with the house's help layout: description, options, examples.
CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& description,
                      const std::string& examples);

/// The name of the type of a value that is one of these words: "none|sam". The type's name is what
/// help, man pages and completion know of a value (command_tree.h).
template <class Words>
std::string words_type(const Words& words) {
  return core::join(std::vector<std::string>(words.begin(), words.end()), "|");
}

/// Makes an option take one of these words and nothing else.
CLI::Option* one_of(CLI::Option* option, const std::vector<std::string>& words);

/// A check that an option's value is a number from `low` to `high`; nan is none.
CLI::Validator between(double low, double high);

/// What the command prints goes to stderr from now on if `path`, which it writes, is stdout: the
/// two would mix there.
void leave_stdout_to(const std::string& path);

/// Writes a result document to stdout, one newline after it.
void print_json(const nlohmann::ordered_json& document);

}  // namespace pcnet::app
