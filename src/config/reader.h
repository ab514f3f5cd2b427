#pragma once

#include <map>
#include <string>
#include <vector>

#include "layers.h"
#include "schema.h"

namespace pcnet::config {

/// Puts layers into a ResolvedConfig, one over the other, and collects every fault.
class Reader {
 public:
  /// Starts from the defaults.
  Reader();

  /// Other defaults; `origin` is where those of their values that differ come from.
  void set_defaults(const Config& defaults, const std::string& origin);

  void apply(const Layer& layer);

  /// What was read so far.
  const Config& value() const { return resolved_.values; }

  /// The result. ConfigError with the faults of the layers, those of the reader and the rules that
  /// the values break, one a line.
  ResolvedConfig finish(const std::vector<std::string>& faults,
                        const std::vector<std::string>& broken);

 private:
  void apply_value(const Layer& layer, const std::string& where, const std::string& key,
                   const YAML::Node& node);
  void apply_section(const Layer& layer, const std::string& prefix, const YAML::Node& node);
  std::string unknown(const std::string& key) const;

  ResolvedConfig resolved_;
  std::vector<Field> fields_;
  std::map<std::string, std::size_t> index_;  // key -> position in fields_
  std::vector<std::string> faults_;
};

}  // namespace pcnet::config
