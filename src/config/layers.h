#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <yaml-cpp/yaml.h>

namespace pcnet::config {

/// One source of values: a file, a stored configuration, or one override.
struct Layer {
  YAML::Node root;
  std::string name;        ///< "configs/a.yaml", or "--set"
  bool has_lines = false;  ///< origins are name:line
  std::string key_prefix;  ///< the key that `root` is the value of; empty: `root` is the top

  /// Where a node stands, for origins and messages.
  std::string where(const YAML::Node& node) const;
};

/// One file, whatever it extends. Nothing, and a fault, when it is unreadable or broken.
std::optional<Layer> file_layer(const std::filesystem::path& file,
                                std::vector<std::string>& faults);

/// The file and, before it, the files that it extends, in order of rising precedence. Faults
/// (unreadable, broken, circular) are added to `faults` and the layer is left out.
std::vector<Layer> file_layers(const std::filesystem::path& file, std::vector<std::string>& faults);

/// Text as a layer, e.g. a stored configuration.
std::vector<Layer> text_layers(const std::string& text, const std::string& name,
                               std::vector<std::string>& faults);

/// "a.b=value" each, in order.
std::vector<Layer> override_layers(const std::vector<std::string>& overrides,
                                   std::vector<std::string>& faults);

}  // namespace pcnet::config
