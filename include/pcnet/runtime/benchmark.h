#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pcnet/config/config.h"

namespace pcnet::runtime {

/// Trains `steps` steps after `warm_up` unmeasured ones and writes nothing: images a second,
/// seconds a step by part (data, forward, backward, update), peak memory.
nlohmann::ordered_json bench_train(const config::Config& config, std::int64_t warm_up,
                                   std::int64_t steps);

/// Evaluates a split once unmeasured and `repeats` times measured: pictures and sentences a second.
nlohmann::ordered_json bench_eval(const std::filesystem::path& model, const std::string& split,
                                  const std::vector<std::string>& overrides, std::int64_t repeats);

}  // namespace pcnet::runtime
