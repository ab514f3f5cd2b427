#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace pcnet::app {

/// A command as the program declares it: what help, man pages and completion are made of.
struct Command {
  std::string path;  ///< "data synth"; empty: the program itself
  const CLI::App* app;
};

/// The program and all commands, each after the one that it is part of.
std::vector<Command> all_commands(const CLI::App& root);

std::vector<const CLI::App*> commands_in(const CLI::App& app);
/// Its own options, without --help and those of the commands that it is part of.
std::vector<const CLI::Option*> options_in(const CLI::App& app);
std::vector<const CLI::Option*> arguments_in(const CLI::App& app);

/// "-v", "--verbose"; the name alone of an argument.
std::vector<std::string> names_of(const CLI::Option& option);
bool takes_value(const CLI::Option& option);
/// Whether the words after its first value are values of it, too.
bool takes_list(const CLI::Option& option);

/// What can be a value, by the name of its type: words such as `sam` stand for themselves, and
/// words in capitals for something: FILE, CHECKPOINT and PATH, DIR and RUN, CONFIG, KEY=VALUE; of
/// others, such as N, nothing is known.
struct Values {
  std::vector<std::string> words;
  bool files = false;           // and folders
  bool folders = false;         // without files
  bool configurations = false;  // files of YAML or JSON, and folders
  bool keys = false;            // of the configuration
};
Values values_of(const CLI::Option& option);

/// The type's name without what CLI11 adds: "none|sam", "N"; empty for a flag.
std::string type_of(const CLI::Option& option);

/// A help text on one line.
std::string one_line(const std::string& text);

/// `text` with each `from` in it replaced.
std::string replaced(std::string text, const std::string& from, const std::string& to);

}  // namespace pcnet::app
