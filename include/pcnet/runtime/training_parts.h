#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "pcnet/config/config.h"
#include "pcnet/core/communicator.h"
#include "pcnet/data/batches/samples.h"
#include "pcnet/distributed/team.h"
#include "pcnet/engine/checkpoint.h"
#include "pcnet/engine/learner.h"
#include "pcnet/engine/optimizer.h"
#include "pcnet/engine/schedule.h"
#include "pcnet/engine/trainer.h"

namespace pcnet::runtime {

/// Everything that a training step needs, built from a configuration. Parts keep references to each
/// other: the object stays where it was made.
class TrainingParts {
 public:
  /// @param resumed the run to go on with: its words and weights replace those of model.init and
  /// model.clip.weights
  /// @param team processes that share each batch; null: this one is alone
  explicit TrainingParts(const config::Config& config, const engine::Checkpoint* resumed = nullptr,
                         distributed::Team* team = nullptr);
  TrainingParts(const TrainingParts&) = delete;
  TrainingParts& operator=(const TrainingParts&) = delete;

  std::int64_t total_steps() const { return total_steps_; }
  std::int64_t steps_per_epoch() const { return steps_per_epoch_; }
  std::unique_ptr<data::Loader> loader(std::int64_t first_step);
  /// The first batch of so many samples, on the model's device: to measure a step.
  data::Batch sample_batch(std::int64_t size);

  config::Config config;  ///< as asked; loss.calibration.weights names the frozen CLIP, if any
  c10::Device device;
  std::shared_ptr<core::Communicator> team;
  data::Dataset dataset;
  std::unique_ptr<const text::Tokenizer> tokenizer;
  std::shared_ptr<model::ReferringModel> model;
  std::unique_ptr<data::Samples> samples;
  std::unique_ptr<engine::Learner> learner;
  std::unique_ptr<engine::AdamW> optimizer;
  std::unique_ptr<engine::Trainer> trainer;
  /// Of a new run that starts from a whole model, what it took and what is new: {"from", "taken",
  /// "tensors", "new", "not_used"}; else null.
  nlohmann::ordered_json started_from;
  std::string texts;        ///< checksum of the training sentences and the cues that are read
  std::string frozen_clip;  ///< checksum of the file that loss.calibration.weights names; or empty

 private:
  std::int64_t steps_per_epoch_ = 0;
  std::int64_t total_steps_ = 0;
};

}  // namespace pcnet::runtime
