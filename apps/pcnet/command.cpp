#include "command.h"

#include <iostream>

#include "pcnet/core/json.h"
#include "pcnet/core/output_path.h"

namespace pcnet::app {

std::vector<std::string> GlobalOptions::overrides() const {
  std::vector<std::string> out = set;
  if (!device.empty()) out.push_back(core::cat("run.device=", device));
  if (threads >= 0) out.push_back(core::cat("run.threads=", threads));
  return out;
}

CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& description,
                      const std::string& examples) {
  CLI::App* command = parent.add_subcommand(name, description);
  command->group("Commands");
  command->fallthrough();
  // One command of a group at most: further words are arguments, even when they are command names.
  command->require_subcommand(0, 1);
  command->footer(core::cat(kGlobalsNote,
                            " -v, -q, --json, --device, --threads and --set (see pcnet --help).\n"
                            "\nExamples:\n",
                            examples));
  return command;
}

CLI::Option* one_of(CLI::Option* option, const std::vector<std::string>& words) {
  return option->type_name(words_type(words))->check(CLI::IsMember(words).description(""));
}

CLI::Validator between(double low, double high) {
  return CLI::Validator(
      [low, high](const std::string& text) {
        double value = 0;
        const bool number = CLI::detail::lexical_cast(text, value);
        if (number && value >= low && value <= high) return std::string();
        return core::cat(text, " is not a number from ", low, " to ", high);
      },
      "");
}

void leave_stdout_to(const std::string& path) {
  if (core::is_stdout(path)) std::cout.rdbuf(std::cerr.rdbuf());
}

void print_json(const nlohmann::ordered_json& document) {
  // Text that is not UTF-8 (an old file name, say) must not lose the rest of the result.
  std::cout << core::json_text(document, {.indent = 2}) << "\n";
}

}  // namespace pcnet::app
