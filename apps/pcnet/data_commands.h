#pragma once

#include "command.h"
#include "data_source.h"

namespace pcnet::app {

/// Commands of `pcnet data` that look at a dataset.
void add_data_check(CLI::App& data, const GlobalOptions& globals, Action& action);
void add_data_stats(CLI::App& data, const GlobalOptions& globals, Action& action);
void add_data_pack(CLI::App& data, const GlobalOptions& globals, Action& action);
void add_data_show(CLI::App& data, const GlobalOptions& globals, Action& action);

}  // namespace pcnet::app
