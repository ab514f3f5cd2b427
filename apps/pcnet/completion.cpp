#include "completion.h"

#include <iostream>
#include <memory>

#include "pcnet/config/config.h"

#include "command.h"

namespace pcnet::app {

namespace {

void print_completion(const CLI::App& root, const std::string& shell) {
  std::vector<std::string> keys;
  for (const auto& doc : config::documentation()) keys.push_back(doc.key);
  const auto make = shell == "bash"   ? bash_completion
                    : shell == "fish" ? fish_completion
                                      : zsh_completion;
  std::cout << make(root, keys);
}

}  // namespace

void add_completion(CLI::App& root, Action& action) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = add_command(
      root, "completion", "Print a script with which a shell completes the command line.",
      "  pcnet completion bash > ~/.local/share/bash-completion/completions/pcnet\n"
      "  pcnet completion zsh > ~/.zsh/_pcnet       a folder of $fpath, named before compinit\n"
      "  pcnet completion fish > ~/.config/fish/completions/pcnet.fish");
  one_of(command->add_option("SHELL", *shell, "whose script"), {"bash", "zsh", "fish"})->required();
  command->callback(
      [shell, &root, &action] { action = [shell, &root] { print_completion(root, *shell); }; });
}

}  // namespace pcnet::app
