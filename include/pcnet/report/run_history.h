#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace pcnet::report {

/// Values of one quantity by step, in the order of the steps.
struct Curve {
  std::string name;
  std::vector<std::pair<std::int64_t, double>> points;
};

/// What a run's log.jsonl says about it.
struct RunHistory {
  std::vector<Curve> losses;       ///< by term, as the log first names them; "total" among them
  std::vector<Curve> course;       ///< gradient_norm, lr, images_per_second
  std::vector<Curve> validations;  ///< point_m, miou, oiou in percent
  std::vector<nlohmann::ordered_json> events;  ///< all that are no step or validation
  std::int64_t steps = 0;                      ///< the last that counts
  std::int64_t repeated = 0;                   ///< lines that a later start or resume took back
  std::int64_t unread = 0;                     ///< lines that are no event: a torn last one, say
};

/// Reads the lines of a run folder's log.jsonl (docs/cli.md#run-folder). `start` and `resume` at a
/// step take back what was logged of later steps. Values that are not finite are left out.
RunHistory parse_run_history(std::string_view text);

}  // namespace pcnet::report
