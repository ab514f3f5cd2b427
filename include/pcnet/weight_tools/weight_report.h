#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "pcnet/weight_tools/weight_tools.h"

/// What the weight tools found, for programs and for a person.
namespace pcnet::weight_tools {

nlohmann::ordered_json to_json(const Inspection& found);
nlohmann::ordered_json to_json(const Conversion& done);
nlohmann::ordered_json to_json(const Difference& found);

std::string to_text(const Inspection& found);
std::string to_text(const Conversion& done);
std::string to_text(const Difference& found);

}  // namespace pcnet::weight_tools
