#include "pcnet/runtime/dry_run.h"

#include <utility>

#include "pcnet/core/device.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/memory.h"
#include "pcnet/runtime/training_parts.h"

#include "memory_estimate.h"
#include "training_hooks.h"
#include "warm_start.h"

namespace pcnet::runtime {

using core::cat;
using core::human_bytes;
using nlohmann::ordered_json;

namespace {

/// Steps of the whole batch and of half of it. @return the first one's report, that of a run
engine::StepReport measure(TrainingParts& parts, MemoryEstimate& estimate) {
  const std::int64_t size = batch_size_of(parts);
  engine::StepReport report;
  try {
    estimate.add(measure_step(parts, size, &report));
    if (size > 1) estimate.add(measure_step(parts, size / 2));
  } catch (const std::exception& error) {
    if (!core::is_out_of_memory(error)) throw;
    throw core::Error(out_of_memory_line(parts, error, 0));
  }
  return report;
}

ordered_json batches_json(const std::vector<MemoryReport::Batch>& batches, const char* key) {
  ordered_json out = ordered_json::array();
  for (const auto& [size, bytes] : batches) out.push_back({{"batch_size", size}, {key, bytes}});
  return out;
}

ordered_json memory_json(const DryRun& run) {
  const MemoryReport& memory = run.memory;
  ordered_json out = {{"weights", memory.weights},
                      {"gradients", memory.gradients},
                      {"moments", memory.moments},
                      {"activations", memory.activations},
                      {"largest_tensor", memory.largest_tensor},
                      {"step_peak", memory.step_peak},
                      {"total", memory.total},
                      {"per_picture", memory.per_picture},
                      {"per_pair", memory.per_pair},
                      {"measured", batches_json(memory.measured, "step_peak")},
                      {"batch_sizes", batches_json(memory.batch_sizes, "total")},
                      {"free_for_a_step", run.free_for_a_step},
                      {"largest_batch_size", run.largest_batch_size},
                      {"process_peak", run.process_peak}};
  if (run.device_peak) out["device_peak"] = *run.device_peak;
  return out;
}

std::string memory_text(const DryRun& run) {
  const auto line = [](const std::string& name, const std::string& value) {
    std::string start = cat("  ", name);
    start.resize(18, ' ');
    return cat(start, value, "\n");
  };
  const MemoryReport& memory = run.memory;
  std::vector<std::pair<const char*, std::uint64_t>> rows = {
      {"weights", memory.weights},        {"gradients", memory.gradients},
      {"moments", memory.moments},        {"activations", memory.activations},
      {"together", memory.total},         {"largest tensor", memory.largest_tensor},
      {"whole process", run.process_peak}};
  if (run.device_peak) rows.emplace_back("device's peak", *run.device_peak);
  std::string text = "memory\n";
  for (const auto& [name, bytes] : rows) text += line(name, human_bytes(bytes));
  for (const auto& [size, bytes] : memory.batch_sizes) {
    text += line(cat("batch of ", size), cat("about ", human_bytes(bytes)));
  }
  return text +
         line("free", cat(human_bytes(run.free_for_a_step),
                          " for a step: train.batch_size up to about ", run.largest_batch_size));
}

}  // namespace

DryRun dry_run(const config::Config& config) {
  TrainingParts parts(config);
  require_splits(parts.dataset.index(), config.eval.splits);
  DryRun run;
  run.free_for_a_step = core::free_memory(parts.device);
  MemoryEstimate estimate = parts_estimate(parts);
  const auto report = measure(parts, estimate);
  const data::Batch batch = parts.sample_batch(batch_size_of(parts));
  run.samples = parts.samples->size();
  run.steps_per_epoch = parts.steps_per_epoch();
  run.total_steps = parts.total_steps();
  run.vocabulary = parts.tokenizer->vocabulary_size();
  for (const auto& parameter : parts.model->parameters()) run.parameters += parameter.numel();
  run.images = batch.images.sizes().vec();
  run.tokens = batch.tokens.sizes().vec();
  run.texts_per_picture = batch.text_index.size(1);
  run.loss = report.loss;
  run.terms.assign(report.terms.begin(), report.terms.end());
  run.device = parts.device.str();
  run.started_from = parts.started_from;
  run.peak_memory_bytes = core::peak_resident_bytes();
  run.memory = estimate.report();
  run.largest_batch_size = estimate.largest_batch(run.free_for_a_step);
  run.process_peak = core::peak_resident_bytes();
  if (parts.device.is_cuda()) run.device_peak = core::peak_reserved_bytes(parts.device);
  return run;
}

ordered_json to_json(const DryRun& run) {
  ordered_json out = {
      {"samples", run.samples},         {"steps_per_epoch", run.steps_per_epoch},
      {"total_steps", run.total_steps}, {"vocabulary", run.vocabulary},
      {"parameters", run.parameters},   {"images", run.images},
      {"tokens", run.tokens},           {"texts_per_picture", run.texts_per_picture},
      {"loss", {{"total", run.loss}}}};
  for (const auto& [name, value] : run.terms) out["loss"][name] = value;
  out["device"] = run.device;
  out["started_from"] = run.started_from;
  out["peak_memory_bytes"] = run.peak_memory_bytes;
  out["memory"] = memory_json(run);
  return out;
}

std::string to_text(const DryRun& run) {
  std::string text =
      cat("samples         ", run.samples, ", ", run.steps_per_epoch, " steps an epoch, ",
          run.total_steps, " steps in all\n", "vocabulary      ", run.vocabulary, " tokens\n",
          "parameters      ", run.parameters, "\nimages          ",
          core::json_text(ordered_json(run.images)), "\ntokens          ",
          core::json_text(ordered_json(run.tokens)), "\ntexts an image  ", run.texts_per_picture,
          "\nloss            total ", run.loss, "\n");
  for (const auto& [name, value] : run.terms) {
    text += cat("loss            ", name, " ", value, "\n");
  }
  if (!run.started_from.is_null()) {
    text += cat("start           ", warm_start_text(run.started_from), "\n");
  }
  return text + memory_text(run);
}

}  // namespace pcnet::runtime
