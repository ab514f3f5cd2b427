#pragma once

#include <string>

#include "pcnet/config/config.h"

#include "command.h"
#include "data_arguments.h"

namespace pcnet::app {

/// Commands of `pcnet data` that look at a dataset.
void add_data_check(CLI::App& data, const GlobalOptions& globals, Action& action);
void add_data_stats(CLI::App& data, const GlobalOptions& globals, Action& action);
void add_data_pack(CLI::App& data, const GlobalOptions& globals, Action& action);
void add_data_show(CLI::App& data, const GlobalOptions& globals, Action& action);

/// DATA (cli.md): a configuration file, which may be missing, and the options that name a dataset.
struct DataSource {
  std::string config;
  DataArguments data;
};

void add_data_source(CLI::App& command, DataSource& source);

/// The configuration that these name, with the global overrides. Of a pack without a configuration
/// file, its own settings.
config::Config load_data_source(const DataSource& source, const GlobalOptions& globals);

}  // namespace pcnet::app
