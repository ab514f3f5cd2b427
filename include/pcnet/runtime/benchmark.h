#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pcnet/config/config.h"
#include "pcnet/distributed/team.h"

namespace pcnet::runtime {

/// Trains `steps` steps after `warm_up` unmeasured ones and writes nothing: images a second of all
/// processes, seconds a step by part (data, forward, backward, update) and peak memory of this one.
/// @param profile also where time goes by part of the method, and each part's share of the highest
///   rate that a matrix product and a convolution reach here; UsageError on a GPU
nlohmann::ordered_json bench_train(const config::Config& config, std::int64_t warm_up,
                                   std::int64_t steps, bool profile = false,
                                   distributed::Team* team = nullptr);

/// Evaluates a split once unmeasured and `repeats` times measured: pictures and sentences a second.
/// @param profile as for bench_train; the seconds are those of all threads together
nlohmann::ordered_json bench_eval(const std::filesystem::path& model, const std::string& split,
                                  const std::vector<std::string>& overrides, std::int64_t repeats,
                                  bool profile = false, distributed::Team* team = nullptr);

/// What `bench_load` measures.
struct LoadBenchOptions {
  std::int64_t batches = 50;  ///< of a pass; 0: an epoch's
};

/// Makes the batches of training and throws them away: images a second when the pictures are asked
/// for the first time (cold) and again (warm), with data.workers threads, and milliseconds an image
/// by part (decode, resize, texts, collate) on one thread. With objective `referring` a sample has
/// its cues, where the dataset has a file of them, and data.partners.
nlohmann::ordered_json bench_load(const config::Config& config, const LoadBenchOptions& options,
                                  distributed::Team* team = nullptr);

/// What `bench_clip` measures.
struct ClipBenchOptions {
  std::int64_t batch = 8;       ///< pictures, and texts, encoded at once
  std::int64_t image_size = 0;  ///< px; 0: data.image_size
  std::int64_t warm_up = 1;     ///< unmeasured batches of each kind
  std::int64_t repeats = 5;     ///< measured batches of each kind
};

/// The forward pass of model.clip's encoders with random weights, on random pictures and distinct
/// texts of data.text_length tokens (at most the context): pictures and texts a second, each from
/// the median batch; peak memory.
nlohmann::ordered_json bench_clip(const config::Config& config, const ClipBenchOptions& options);

}  // namespace pcnet::runtime
