#pragma once

#include <string>

#include "pcnet/config/config.h"

#include "command.h"
#include "data_arguments.h"

namespace pcnet::app {

/// DATA (docs/cli.md#data): a dataset folder, a pack or a configuration file, any of which may be
/// missing, and the options that name a dataset.
struct DataSource {
  std::string data_or_config;
  DataArguments data;
};

void add_data_source(CLI::App& command, DataSource& source);

/// The configuration that these name, with the global overrides. Of a pack without a configuration
/// file, its own settings.
config::Config load_data_source(const DataSource& source, const GlobalOptions& globals);

}  // namespace pcnet::app
