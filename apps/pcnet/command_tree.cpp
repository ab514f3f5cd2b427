#include "command_tree.h"

#include <algorithm>
#include <sstream>

namespace pcnet::app {

namespace {

void add_commands(const std::string& path, const CLI::App& app, std::vector<Command>& all) {
  all.push_back({path, &app});
  for (const CLI::App* inner : commands_in(app)) {
    add_commands(path.empty() ? inner->get_name() : path + " " + inner->get_name(), *inner, all);
  }
}

/// Words of the text between any of these characters.
std::vector<std::string> pieces(const std::string& text, const char* between) {
  std::vector<std::string> out;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find_first_of(between, begin), text.size());
    out.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

/// Whether a word stands for something: N, FILE, cuda:N, I/N, but not RN50.
bool is_placeholder(const std::string& word) {
  const auto parts = pieces(word, ":/=,");
  return std::any_of(parts.begin(), parts.end(), [](const std::string& part) {
    return part.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos;
  });
}

}  // namespace

std::vector<Command> all_commands(const CLI::App& root) {
  std::vector<Command> all;
  add_commands("", root, all);
  return all;
}

std::vector<const CLI::App*> commands_in(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* inner) { return !inner->get_group().empty(); });
}

std::vector<const CLI::Option*> options_in(const CLI::App& app) {
  // Of the program itself --help is a global option; each command has a copy of it.
  const CLI::Option* copy = app.get_parent() == nullptr ? nullptr : app.get_help_ptr();
  return app.get_options([copy](const CLI::Option* option) {
    return option != copy && option->nonpositional() && !option->get_group().empty();
  });
}

std::vector<const CLI::Option*> arguments_in(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return option->get_positional(); });
}

std::vector<std::string> names_of(const CLI::Option& option) {
  if (option.get_positional()) return {option.get_name(true)};
  std::vector<std::string> names;
  for (const auto& name : option.get_snames()) names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

bool takes_value(const CLI::Option& option) { return option.get_expected_max() > 0; }

bool takes_list(const CLI::Option& option) {
  return takes_value(option) && option.get_allow_extra_args() && option.get_expected_max() > 1;
}

std::string type_of(const CLI::Option& option) {
  return takes_value(option) ? option.get_type_name() : "";
}

Values values_of(const CLI::Option& option) {
  Values values;
  for (const auto& word : pieces(type_of(option), "|")) {
    if (word == "FILE" || word == "CHECKPOINT" || word == "PATH") {
      values.files = true;
    } else if (word == "DIR" || word == "RUN") {
      values.folders = true;
    } else if (word == "CONFIG") {
      values.configurations = true;
    } else if (word == "KEY=VALUE") {
      values.keys = true;
    } else if (!is_placeholder(word)) {
      values.words.push_back(word);
    }
  }
  return values;
}

std::string one_line(const std::string& text) {
  std::istringstream in(text);
  std::string line;
  for (std::string word; in >> word;) line += (line.empty() ? "" : " ") + word;
  return line;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

}  // namespace pcnet::app
