#include "pcnet/config/config.h"
#include "pcnet/config/profiles.h"
#include "pcnet/config/validate.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"

#include "layers.h"
#include "reader.h"

namespace pcnet::config {

namespace {

/// What the layers say; their faults are left to who reads them for good.
Config first_look(const std::vector<Layer>& layers) {
  Reader reader;
  for (const auto& layer : layers) reader.apply(layer);
  return reader.value();
}

ResolvedConfig resolve(std::vector<Layer> layers, const std::vector<std::string>& overrides,
                       std::vector<std::string> faults) {
  for (auto& layer : override_layers(overrides, faults)) layers.push_back(std::move(layer));
  const ModelOptions said = first_look(layers).model;
  Config defaults = profile_values(said.profile);
  Reader reader;
  reader.set_defaults(defaults, core::cat("profile ", said.profile.word()));
  defaults.model.clip.architecture = said.clip.architecture;
  defaults.model.clip = with_architecture(defaults.model.clip);
  reader.set_defaults(defaults, core::cat("architecture ", said.clip.architecture.word()));
  for (const auto& layer : layers) reader.apply(layer);
  return reader.finish(faults, broken_rules(reader.value()));
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
  const auto layers = text_layers(core::json_text(stored, {.exact = true}), name, faults);
  return resolve(layers, overrides, std::move(faults));
}

}  // namespace pcnet::config
