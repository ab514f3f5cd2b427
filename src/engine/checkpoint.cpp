#include "pcnet/engine/checkpoint.h"

#include <ATen/Parallel.h>
#include <torch/version.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/machine.h"
#include "pcnet/weights/safetensors.h"
#include "pcnet/weights/state_dict.h"

#include "checkpoint_checksum.h"

namespace pcnet::engine {

namespace fs = std::filesystem;
using core::cat;
using core::Error;
using nlohmann::ordered_json;

namespace {

constexpr const char* kFormat = "pcnet checkpoint 1";
constexpr std::string_view kOptimizerPrefix = "optimizer.";
constexpr const char* kEnvironment = "environment";

ordered_json to_json(const TrainState& state) {
  return {{"step", state.step},
          {"epoch", state.epoch},
          {"best_score", state.best_score},
          {"best_step", state.best_step},
          {"validated_step", state.validated_step},
          {"last_score", state.last_score},
          {"validations_without_better", state.validations_without_better},
          {"stopped_early", state.stopped_early},
          {"skipped_steps", state.skipped_steps},
          {"skipped_in_a_row", state.skipped_in_a_row},
          {"finished", state.finished},
          {"texts", state.texts},
          {"frozen_clip", state.frozen_clip}};
}

TrainState state_from_json(const ordered_json& json) {
  return {.step = json.at("step"),
          .epoch = json.at("epoch"),
          .best_score = json.at("best_score"),
          .best_step = json.at("best_step"),
          .validated_step = json.at("validated_step"),
          .last_score = json.at("last_score"),
          .validations_without_better = json.at("validations_without_better"),
          .stopped_early = json.at("stopped_early"),
          .skipped_steps = json.at("skipped_steps"),
          .skipped_in_a_row = json.at("skipped_in_a_row"),
          .finished = json.at("finished"),
          .texts = json.value("texts", ""),
          .frozen_clip = json.value("frozen_clip", "")};  // older checkpoints do not say it
}

/// Before anything else is believed of the file, but for its kind.
void require_checksum(const weights::TensorFile& file, const fs::path& path) {
  const auto stored = file.metadata.find(kChecksum);
  if (stored == file.metadata.end()) {
    if (!file.metadata.contains(kEnvironment)) return;  // converted
    throw Error(cat(path.string(), " is damaged: its metadata have lost the checksum"));
  }
  const std::string found = checksum_of(file);
  if (found == stored->second) return;
  throw Error(cat(path.string(), " is damaged: its data have the checksum ", found, ", wanted ",
                  stored->second, "; take a copy of it or another checkpoint"));
}

}  // namespace

std::map<std::string, std::string> environment_of(c10::Device device) {
  static const std::string processor = core::processor_info().model;
  return {{"threads", cat(at::get_num_threads())},
          {"device", device.str()},
          {"processor", processor},
          {"torch", TORCH_VERSION}};
}

void save_checkpoint(const fs::path& path, const Checkpoint& checkpoint) {
  weights::TensorFile file;
  const auto add = [&file](const std::string& name, const at::Tensor& tensor) {
    file.tensors.emplace_back(name, tensor.cpu());  // read twice: for the checksum and the file
  };
  for (const auto& [name, tensor] : checkpoint.model) add(name, tensor);
  for (const auto& [name, tensor] : checkpoint.optimizer)
    add(std::string(kOptimizerPrefix) + name, tensor);
  const auto device =
      checkpoint.model.empty() ? c10::Device(c10::kCPU) : checkpoint.model.begin()->second.device();
  auto environment = environment_of(device);
  environment.insert(checkpoint.environment.begin(), checkpoint.environment.end());
  file.metadata = {
      {"format", kFormat},
      {"config", core::json_text(checkpoint.config, {.exact = true})},
      {"vocabulary", core::json_text(ordered_json(checkpoint.vocabulary), {.exact = true})},
      {"state", core::json_text(to_json(checkpoint.state), {.exact = true})},
      {kEnvironment, core::json_text(ordered_json(environment), {.exact = true})}};
  file.metadata[kChecksum] = checksum_of(file);
  weights::write_safetensors(path, file);
}

void forget_file(std::map<std::string, std::string>& metadata) {
  metadata.erase(kChecksum);
  metadata.erase(kEnvironment);
}

bool is_checkpoint(const weights::WeightFile& file) {
  const auto format = file.content.metadata.find("format");
  return format != file.content.metadata.end() && format->second == kFormat;
}

Checkpoint load_checkpoint(const fs::path& path) {
  weights::WeightFile opened = weights::open_weights(path);
  if (!is_checkpoint(opened)) {
    throw Error(cat(path.string(), " is no checkpoint of a pcnet run: it is ",
                    weights::to_string(opened.container), ", layout ",
                    weights::to_string(weights::find_state_dict(opened).layout),
                    " (`pcnet weights inspect` tells what it holds)"));
  }
  weights::TensorFile& file = opened.content;
  require_checksum(file, path);
  Checkpoint checkpoint;
  try {
    checkpoint.config = core::parse_json<ordered_json>(file.metadata["config"]);
    checkpoint.vocabulary =
        core::parse_json<ordered_json>(file.metadata["vocabulary"]).get<std::vector<std::string>>();
    checkpoint.state = state_from_json(core::parse_json<ordered_json>(file.metadata["state"]));
    if (const auto& environment = file.metadata[kEnvironment]; !environment.empty()) {
      checkpoint.environment =
          core::parse_json<ordered_json>(environment).get<std::map<std::string, std::string>>();
    }
  } catch (const std::exception& error) {
    throw Error(cat(path.string(), ": broken metadata: ", error.what()));
  }
  for (auto& [name, tensor] : file.tensors) {
    if (name.starts_with(kOptimizerPrefix)) {
      checkpoint.optimizer.emplace(name.substr(kOptimizerPrefix.size()), std::move(tensor));
    } else {
      checkpoint.model.emplace(name, std::move(tensor));
    }
  }
  return checkpoint;
}

std::map<std::string, at::Tensor> state_dict(const torch::nn::Module& module) {
  return weights::tensors_of(module);
}

void load_state_dict(torch::nn::Module& module, const std::map<std::string, at::Tensor>& tensors,
                     const std::string& source, const std::vector<std::string>& except) {
  auto wanted = state_dict(module);
  auto given = tensors;
  for (const auto& name : except) {
    wanted.erase(name);
    given.erase(name);
  }
  weights::load_tensors(wanted, given, source, "the model");
}

fs::path find_checkpoint(const fs::path& run_or_checkpoint) {
  if (!fs::is_directory(run_or_checkpoint)) {
    if (!fs::exists(run_or_checkpoint)) {
      throw Error(cat("no run folder or checkpoint ", run_or_checkpoint.string()));
    }
    return run_or_checkpoint;
  }
  for (const char* name : {"best.safetensors", "last.safetensors"}) {
    fs::path path = run_or_checkpoint / "checkpoints" / name;
    if (fs::exists(path)) return path;
  }
  throw Error(cat("no checkpoint in the run folder ", run_or_checkpoint.string(),
                  ": looked for checkpoints/best.safetensors and last.safetensors"));
}

fs::path run_of(const fs::path& checkpoint) {
  const fs::path place = fs::absolute(checkpoint).lexically_normal().parent_path();
  return place.filename() == "checkpoints" ? place.parent_path() : fs::path{};
}

}  // namespace pcnet::engine
