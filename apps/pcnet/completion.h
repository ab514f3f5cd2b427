#pragma once

#include <string>
#include <vector>

#include "command_tree.h"

namespace pcnet::app {

/// Scripts that complete the program's command line. They hold all that they offer: starting the
/// program takes too long for a key press.
/// @param keys of the configuration
std::string bash_completion(const CLI::App& root, const std::vector<std::string>& keys);
std::string fish_completion(const CLI::App& root, const std::vector<std::string>& keys);
std::string zsh_completion(const CLI::App& root, const std::vector<std::string>& keys);

}  // namespace pcnet::app
