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
  Reader() : Reader(Config{}, "default") {}
  /// Starts from `base`; `origin` is where its values that are no defaults come from.
  Reader(const Config& base, const std::string& origin);

  void apply(const Layer& layer);

  /// What was read so far.
  const Config& value() const { return resolved_.values; }

  /// The result. ConfigError with all `faults` and those of the reader, one a line.
  ResolvedConfig finish(const std::vector<std::string>& faults);

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
