#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <torch/torch.h>

#include "pcnet/weights/weight_file.h"

namespace pcnet::engine {

/// Where a training run stands. With the seed and the configuration it decides everything that
/// follows: order, sampling and learning rate are functions of the step.
struct TrainState {
  std::int64_t step = 0;   ///< steps done
  std::int64_t epoch = 0;  ///< epoch of the next step
  double best_score = -1;  ///< by train.best_metric, percent; -1: not validated yet
  std::int64_t best_step = -1;
  std::int64_t validated_step = -1;  ///< the last one that was validated
  double last_score = -1;            ///< of that one
  std::int64_t validations_without_better = 0;
  bool stopped_early = false;      ///< train.patience was used up
  std::int64_t skipped_steps = 0;  ///< they were not finite and changed nothing
  std::int64_t skipped_in_a_row = 0;
  bool finished = false;
  std::string texts = {};        ///< checksum of the sentences and cues that it trains on
  std::string frozen_clip = {};  ///< checksum of the frozen CLIP's file; empty: it asks none
};

/// One checkpoint file: the weights under the reference names, and what belongs to them.
struct Checkpoint {
  std::map<std::string, at::Tensor> model;      ///< parameters and buffers
  std::map<std::string, at::Tensor> optimizer;  ///< empty in best.safetensors
  nlohmann::ordered_json config;                ///< resolved, complete
  std::vector<std::string> vocabulary;          ///< words of the tokenizer
  TrainState state;
  /// Where it was written: "threads", "device", "processor", "torch". On another machine sums are
  /// rounded in another order. Empty in a converted file.
  std::map<std::string, std::string> environment;
};

/// What decides how sums are rounded, of this process: see Checkpoint::environment.
std::map<std::string, std::string> environment_of(c10::Device device);

/// Writes one safetensors file, atomically. It holds the model's tensors under their names, the
/// optimizer's state under `optimizer.`, the rest, this process's environment and a checksum of all
/// as metadata.
void save_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);

/// Takes out of a checkpoint's metadata what holds for that very file alone, its checksum and where
/// it was written: for a copy with other tensors.
void forget_file(std::map<std::string, std::string>& metadata);

/// Whether a weight file, of whatever format, is a checkpoint of a run of ours.
bool is_checkpoint(const weights::WeightFile& file);

/// Error that names the file when it is missing, damaged (by its checksum, if it has one)
/// or no checkpoint of ours.
Checkpoint load_checkpoint(const std::filesystem::path& path);

/// Every parameter and buffer by name (views, not copies).
std::map<std::string, at::Tensor> state_dict(const torch::nn::Module& module);

/// Copies tensors into the module, converting the type. Error that names the first few missing,
/// unexpected and mismatched ones, nothing copied then; the whole table goes to the log (-v).
/// `except` names are neither wanted nor copied. `source` names the file.
void load_state_dict(torch::nn::Module& module, const std::map<std::string, at::Tensor>& tensors,
                     const std::string& source, const std::vector<std::string>& except = {});

/// A run folder's best checkpoint (its last when it has no best), or the path itself when it is a
/// file. Error when there is none.
std::filesystem::path find_checkpoint(const std::filesystem::path& run_or_checkpoint);

/// The folder of the run whose `checkpoints` hold the file; empty for a file elsewhere.
std::filesystem::path run_of(const std::filesystem::path& checkpoint);

}  // namespace pcnet::engine
