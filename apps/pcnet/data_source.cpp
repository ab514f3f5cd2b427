#include "data_commands.h"

namespace pcnet::app {

void add_data_source(CLI::App& command, DataSource& source) {
  command.add_option("config", source.config,
                     "configuration file whose `data` section names the dataset");
  add_data_options(command, source.data);
}

config::Config load_data_source(const DataSource& source, const GlobalOptions& globals) {
  const auto overrides = with_data(globals, source.data);
  return source.config.empty() ? config::load_defaults(overrides).values
                               : config::load(source.config, overrides).values;
}

}  // namespace pcnet::app
