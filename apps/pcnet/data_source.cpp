#include "pcnet/data/pack.h"

#include "data_commands.h"

namespace pcnet::app {

void add_data_source(CLI::App& command, DataSource& source) {
  command.add_option("config", source.config,
                     "configuration file whose `data` section names the dataset");
  add_data_options(command, source.data);
}

config::Config load_data_source(const DataSource& source, const GlobalOptions& globals) {
  const auto overrides = with_data(globals, source.data);
  if (!source.config.empty()) return config::load(source.config, overrides).values;
  if (source.data.pack.empty()) return config::load_defaults(overrides).values;
  // Nothing says how the pictures are wanted: as they are.
  auto all = data::settings_of(data::Pack(source.data.pack).key());
  all.insert(all.end(), overrides.begin(), overrides.end());
  return config::load_defaults(all).values;
}

}  // namespace pcnet::app
