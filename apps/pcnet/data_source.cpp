#include "data_source.h"

#include <filesystem>

#include "pcnet/data/pack/pack.h"
#include "pcnet/runtime/call_config.h"
#include "pcnet/runtime/packing.h"

namespace pcnet::app {

void add_data_source(CLI::App& command, DataSource& source) {
  command
      .add_option("DATA", source.data_or_config,
                  "dataset folder, pack, or configuration file whose `data` section names one")
      ->type_name("DIR|FILE");
  add_data_options(command, source.data);
}

config::Config load_data_source(const DataSource& source, const GlobalOptions& globals) {
  DataArguments data = source.data;
  const std::string& named = source.data_or_config;
  const bool is_folder = std::filesystem::is_directory(named);
  const bool is_pack = !is_folder && data::is_pack(named);
  if (is_folder && data.root.empty()) data.root = named;
  if (is_pack && data.pack.empty()) data.pack = named;
  const auto overrides = with_data(globals, data);
  if (named.empty() || is_folder || is_pack) return runtime::default_config(overrides);
  return runtime::load_config(named, overrides);
}

}  // namespace pcnet::app
