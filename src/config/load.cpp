#include <nlohmann/json.hpp>

#include "pcnet/config/config.h"

#include "layers.h"
#include "reader.h"

namespace pcnet::config {

namespace {

ResolvedConfig resolve(const std::vector<Layer>& base, const std::vector<std::string>& overrides,
                       std::vector<std::string> faults) {
  Reader reader;
  for (const auto& layer : base) reader.apply(layer);
  for (const auto& layer : override_layers(overrides, faults)) reader.apply(layer);
  return reader.finish(faults);
}

}  // namespace

ResolvedConfig load(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  std::vector<std::string> faults;
  const auto layers = file_layers(file, faults);
  return resolve(layers, overrides, std::move(faults));
}

ResolvedConfig load_defaults(const std::vector<std::string>& overrides) {
  return resolve({}, overrides, {});
}

ResolvedConfig load_json(const nlohmann::ordered_json& stored, const std::string& name,
                         const std::vector<std::string>& overrides) {
  std::vector<std::string> faults;
  const auto layers = text_layers(stored.dump(), name, faults);
  return resolve(layers, overrides, std::move(faults));
}

}  // namespace pcnet::config
