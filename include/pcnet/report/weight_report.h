#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

/// What the weight tools found (weight_tools/weight_tools.h), for a person.
namespace pcnet::report {

std::string inspection_text(const nlohmann::ordered_json& document);
std::string conversion_text(const nlohmann::ordered_json& document);
std::string difference_text(const nlohmann::ordered_json& document);

}  // namespace pcnet::report
