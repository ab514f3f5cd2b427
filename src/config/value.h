#pragma once

#include <string>

#include <yaml-cpp/yaml.h>

#include "schema.h"

namespace pcnet::config {

/// Reads `node` into the field. Empty when it fits, else what was got and wanted; the value then
/// stays as it was.
std::string assign(const Field& field, const YAML::Node& node);

/// `node` for a message: `"many"`, `1.5`, `a list`, `a section`, `nothing`.
std::string describe(const YAML::Node& node);

}  // namespace pcnet::config
