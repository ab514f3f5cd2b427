#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace pcnet::app {

/// One line for a command line that could not be parsed: what is wrong, the nearest command or
/// option for a typo, and which --help to read.
std::string usage_message(const CLI::App& root, const CLI::ParseError& fault);

}  // namespace pcnet::app
