#pragma once

#include "command.h"

namespace pcnet::app {

void add_cues_make(CLI::App& cues, const GlobalOptions& globals, Action& action);

}  // namespace pcnet::app
