#include "pcnet/core/format.h"
#include "pcnet/core/version.h"

#include "completion.h"

namespace pcnet::app {

namespace {

using core::cat;

constexpr const char* kZshBegin = R"(
_pcnet_configurations() { _files -g '*.(yaml|yml|json)(-.)' }

)";

constexpr const char* kZshEnd = R"(
# Read as a file it is the completion; autoloaded from $fpath, its body is.
if [[ $funcstack[1] == _pcnet ]]; then
  _pcnet "$@"
else
  compdef _pcnet pcnet
fi
)";

std::string zsh_quoted(const std::string& text) { return "'" + replaced(text, "'", "'\\''") + "'"; }

/// A text where colons and brackets have a meaning.
std::string zsh_text(const std::string& text) {
  std::string out;
  for (const char c : one_line(text)) {
    if (c == '\\' || c == ':' || c == '[' || c == ']') out += '\\';
    out += c;
  }
  return out;
}

/// "data synth" -> "_pcnet_data_synth".
std::string zsh_function(const std::string& path) {
  return path.empty() ? "_pcnet" : "_pcnet_" + replaced(replaced(path, " ", "_"), "-", "_");
}

/// What completes a value; a blank: nothing.
std::string zsh_action(const CLI::Option& option) {
  const Values values = values_of(option);
  std::vector<std::string> actions;
  if (values.files) {
    actions.emplace_back("_files");
  } else if (values.configurations) {
    actions.emplace_back("_pcnet_configurations");
  } else if (values.folders) {
    actions.emplace_back("_files -/");
  }
  if (values.keys) actions.emplace_back("_pcnet_keys");
  if (!values.words.empty()) actions.push_back(cat("(", core::join(values.words, " "), ")"));
  if (actions.empty()) return " ";
  if (actions.size() == 1) return actions.front();
  std::string out = "{_alternative";
  for (const auto& action : actions) out += cat(" \"values\\:value\\:", action, "\"");
  return out + "}";
}

std::string zsh_message(const CLI::Option& option) {
  const std::string type = type_of(option);
  return zsh_text(type.empty() ? "value" : type);
}

/// The specifications of an option's names.
std::string zsh_option(const CLI::Option& option) {
  std::string out;
  const bool repeatable = option.get_expected_max() > 1 || !takes_value(option);
  for (const auto& name : names_of(option)) {
    const bool equals = takes_value(option) && name.starts_with("--");
    std::string text = cat(repeatable ? "*" : "", name, equals ? "=" : "", "[",
                           zsh_text(option.get_description()), "]");
    if (takes_value(option)) {
      // The words after it are values until the next option.
      const std::string many = takes_list(option) ? "*-*:" : "";
      text += cat(":", many, zsh_message(option), ":", zsh_action(option));
    }
    out += cat("    ", zsh_quoted(text), "\n");
  }
  return out;
}

std::string zsh_argument(const CLI::Option& argument) {
  const char* begin = takes_list(argument) ? "*:" : argument.get_required() ? ":" : "::";
  return cat("    ", zsh_quoted(cat(begin, zsh_message(argument), ":", zsh_action(argument))),
             "\n");
}

/// The function of a command whose words begin with its name.
std::string zsh_command(const Command& command) {
  const auto inner = commands_in(*command.app);
  std::string out = cat(zsh_function(command.path), "() {\n");
  if (!inner.empty()) {
    out +=
        "  local curcontext=$curcontext state line\n  local -A opt_args\n  local -a commands=(\n";
    for (const CLI::App* app : inner) {
      out += cat("    ", zsh_quoted(cat(app->get_name(), ":", zsh_text(app->get_description()))),
                 "\n");
    }
    out += "  )\n";
  }
  out += cat("  local -a specifications=(\n    $_pcnet_options\n");
  if (!command.path.empty()) {
    for (const CLI::Option* option : options_in(*command.app)) out += zsh_option(*option);
  }
  for (const CLI::Option* argument : arguments_in(*command.app)) out += zsh_argument(*argument);
  out += "  )\n";
  if (inner.empty()) return out + "  _arguments -s -S $specifications\n}\n\n";
  out +=
      "  _arguments -C -s -S $specifications '1: :->command' '*:: :->more' && return\n"
      "  case $state in\n"
      "    command) _describe command commands ;;\n"
      "    more)\n"
      "      case $words[1] in\n";
  for (const CLI::App* app : inner) {
    const std::string path = cat(command.path, command.path.empty() ? "" : " ", app->get_name());
    out += cat("        ", app->get_name(), ") ", zsh_function(path), " ;;\n");
  }
  return out + "      esac\n      ;;\n  esac\n}\n\n";
}

}  // namespace

std::string zsh_completion(const CLI::App& root, const std::vector<std::string>& keys) {
  std::string out =
      cat("#compdef pcnet\n# Completion of pcnet ", core::version(),
          " in zsh, made by `pcnet completion zsh`.\n", "_pcnet_keys() { compadd -S '' -- ",
          core::join(keys, "= "), "= }\n", kZshBegin, "typeset -ga _pcnet_options=(\n");
  for (const CLI::Option* option : options_in(root)) out += zsh_option(*option);
  out += ")\n\n";
  for (const auto& command : all_commands(root)) out += zsh_command(command);
  return out + kZshEnd;
}

}  // namespace pcnet::app
