#include "usage.h"

#include <algorithm>
#include <vector>

#include "pcnet/core/format.h"

namespace pcnet::app {

namespace {

/// The chosen command and those it is part of, outermost first.
std::vector<const CLI::App*> chosen_commands(const CLI::App& root) {
  std::vector<const CLI::App*> chain = {&root};
  while (true) {
    const auto inner = chain.back()->get_subcommands();
    if (inner.empty()) return chain;
    chain.push_back(inner.front());
  }
}

std::vector<std::string> option_names(const std::vector<const CLI::App*>& chain) {
  std::vector<std::string> names;
  for (const CLI::App* command : chain) {
    for (const CLI::Option* option : command->get_options()) {
      for (const auto& name : option->get_lnames()) names.push_back(core::cat("--", name));
    }
  }
  return names;
}

std::vector<std::string> command_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::App* inner : command.get_subcommands({})) names.push_back(inner->get_name());
  return names;
}

std::string unexpected(const std::string& word, const std::vector<const CLI::App*>& chain) {
  const bool option = word.size() > 1 && word[0] == '-';
  const auto commands = command_names(*chain.back());
  if (option) {
    const std::string name = word.substr(0, word.find('='));
    const std::string near = core::nearest(name, option_names(chain));
    return core::cat("unknown option ", name,
                     near.empty() ? "" : core::cat(" (did you mean ", near, "?)"));
  }
  if (commands.empty()) return core::cat("unexpected argument \"", word, "\"");
  const std::string near = core::nearest(word, commands);
  return core::cat("unknown command \"", word, "\"",
                   near.empty() ? core::cat(", wanted one of ", core::join(commands, ", "))
                                : core::cat(" (did you mean \"", near, "\"?)"));
}

}  // namespace

std::string usage_message(const CLI::App& root, const CLI::ParseError& fault) {
  const auto chain = chosen_commands(root);
  std::vector<std::string> path;
  for (const CLI::App* command : chain) path.push_back(command->get_name());

  // A mistyped option also leaves what it should have set missing; the typo is the better news.
  const auto left_over = root.remaining(/*recurse=*/true);
  std::string message = left_over.empty() ? fault.what() : unexpected(left_over.front(), chain);
  std::replace(message.begin(), message.end(), '\n', ' ');
  return core::cat(message, "; see `", core::join(path, " "), " --help`");
}

}  // namespace pcnet::app
