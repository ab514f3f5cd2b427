#include "pcnet/core/format.h"
#include "pcnet/core/version.h"

#include "completion.h"

namespace pcnet::app {

namespace {

using core::cat;

constexpr const char* kFishWalk = R"(
# The command that stands before the cursor, "data synth".
function __pcnet_command
    set -l command ''
    set -l skip no
    for word in (commandline -opc)[2..]
        if test $skip = yes
            set skip no
        else if string match -q -- '-*' $word
            if __pcnet_takes_value "$command $word"
                set skip yes
            end
        else if __pcnet_has_command "$command $word"
            set command (string trim -- "$command $word")
        end
    end
    echo $command
end

function __pcnet_is
    test (__pcnet_command) = "$argv"
end

complete -c pcnet -f
)";

std::string fish_quoted(const std::string& text) {
  return "'" + replaced(replaced(text, "\\", "\\\\"), "'", "\\'") + "'";
}

/// Where an option may stand, or an argument: ` -n '__pcnet_is data synth'`.
std::string fish_condition(const std::string& path) {
  return " -n " + fish_quoted("__pcnet_is " + path);
}

/// What may follow: files or none, and words.
std::string fish_values(const CLI::Option& option) {
  const Values values = values_of(option);
  std::vector<std::string> all;
  for (const auto& word : values.words) all.push_back(fish_quoted(word));
  if (values.folders && !values.files && !values.configurations) {
    all.emplace_back("(__fish_complete_directories)");
  }
  if (values.configurations && !values.files) {
    all.emplace_back("(__fish_complete_suffix .yaml)");
  }
  if (values.keys) all.emplace_back("(__pcnet_keys)");
  std::string out = values.files ? " -F" : " -f";
  if (!all.empty()) out += cat(" -a ", "\"", core::join(all, " "), "\"");
  return out;
}

std::string fish_option(const CLI::Option& option) {
  std::string out;
  for (const auto& name : option.get_snames()) out += " -s " + name;
  for (const auto& name : option.get_lnames()) out += " -l " + name;
  if (takes_value(option)) out += " -r" + fish_values(option);
  return cat(out, " -d ", fish_quoted(one_line(option.get_description())), "\n");
}

std::string fish_command(const Command& command) {
  const std::string begin = "complete -c pcnet";
  const std::string here = begin + fish_condition(command.path);
  std::string out;
  for (const CLI::App* inner : commands_in(*command.app)) {
    out += cat(here, " -a ", inner->get_name(), " -d ",
               fish_quoted(one_line(inner->get_description())), "\n");
  }
  for (const CLI::Option* option : options_in(*command.app)) {
    out += (command.path.empty() ? begin : here) + fish_option(*option);
  }
  for (const CLI::Option* argument : arguments_in(*command.app)) {
    out += cat(here, fish_values(*argument), "\n");
  }
  return out;
}

/// A function that succeeds for the words that it lists.
std::string fish_test(const std::string& name, const std::vector<std::string>& patterns) {
  std::string out = cat("function ", name, "\n    switch $argv[1]\n        case");
  for (const auto& pattern : patterns) out += cat(" \\\n            ", fish_quoted(pattern));
  return out + "\n            return 0\n    end\n    return 1\nend\n\n";
}

}  // namespace

std::string fish_completion(const CLI::App& root, const std::vector<std::string>& keys) {
  const auto all = all_commands(root);
  std::vector<std::string> with_value;
  std::vector<std::string> commands;
  std::string rules;
  for (const auto& command : all) {
    for (const CLI::Option* option : options_in(*command.app)) {
      if (!takes_value(*option)) continue;
      for (const auto& name : names_of(*option)) {
        with_value.push_back(cat(command.path.empty() ? "*" : command.path, " ", name));
      }
    }
    for (const CLI::App* inner : commands_in(*command.app)) {
      commands.push_back(cat(command.path, " ", inner->get_name()));
    }
    rules += fish_command(command);
  }
  return cat("# Completion of pcnet ", core::version(),
             " in fish, made by `pcnet completion fish`.\n",
             "function __pcnet_keys\n    string join \\n ", core::join(keys, "= "), "=\nend\n\n",
             fish_test("__pcnet_takes_value", with_value),
             fish_test("__pcnet_has_command", commands), kFishWalk, rules);
}

}  // namespace pcnet::app
