#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "pcnet/config/config.h"

namespace pcnet::runtime {

/// What training takes, in bytes.
struct MemoryReport {
  struct Batch {
    std::int64_t size = 0;
    std::uint64_t bytes = 0;
  };
  std::uint64_t weights = 0;
  std::uint64_t gradients = 0;
  std::uint64_t moments = 0;      ///< of the optimizer
  std::uint64_t activations = 0;  ///< of the largest measured step
  std::uint64_t largest_tensor = 0;
  std::uint64_t step_peak = 0;     ///< beyond weights and moments
  std::uint64_t total = 0;         ///< weights, moments and the step
  std::int64_t per_picture = 0;    ///< what a step grows by, with each picture
  std::int64_t per_pair = 0;       ///< and with the square of the batch
  std::vector<Batch> measured;     ///< peaks of steps
  std::vector<Batch> batch_sizes;  ///< totals that other batches need
};

/// What a run would be.
struct DryRun {
  std::int64_t samples = 0;
  std::int64_t steps_per_epoch = 0;
  std::int64_t total_steps = 0;
  std::int64_t vocabulary = 0;
  std::int64_t parameters = 0;
  std::vector<std::int64_t> images;  ///< shape of a batch's
  std::vector<std::int64_t> tokens;
  std::int64_t texts_per_picture = 0;
  double loss = 0;
  std::vector<std::pair<std::string, double>> terms;
  std::string device;
  nlohmann::ordered_json started_from;  ///< null: from new weights
  std::uint64_t peak_memory_bytes = 0;
  MemoryReport memory;
  std::uint64_t free_for_a_step = 0;
  std::int64_t largest_batch_size = 0;  ///< that fits into these
  std::uint64_t process_peak = 0;
  std::optional<std::uint64_t> device_peak;
};

/// Builds everything, runs a batch of half the size and one of the whole, writes nothing.
DryRun dry_run(const config::Config& config);

nlohmann::ordered_json to_json(const DryRun& run);
std::string to_text(const DryRun& run);

}  // namespace pcnet::runtime
