#pragma once

#include <map>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "pcnet/weight_tools/weight_tools.h"

/// What the weight tools found, for programs and for a person.
namespace pcnet::weight_tools {

/// A file's metadata; those that are documents (our checkpoints' config, vocabulary, state) as
/// such.
nlohmann::ordered_json metadata_json(const std::map<std::string, std::string>& metadata);

nlohmann::ordered_json to_json(const Inspection& found);
nlohmann::ordered_json to_json(const Conversion& done);
nlohmann::ordered_json to_json(const Difference& found);

std::string to_text(const Inspection& found);
std::string to_text(const Conversion& done);
std::string to_text(const Difference& found);

}  // namespace pcnet::weight_tools
