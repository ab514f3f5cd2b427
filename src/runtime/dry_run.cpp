#include <utility>

#include "pcnet/core/device.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/memory.h"
#include "pcnet/runtime/training.h"
#include "pcnet/runtime/training_parts.h"

#include "memory_estimate.h"
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

ordered_json memory_of(const TrainingParts& parts, const MemoryEstimate& estimate,
                       std::uint64_t free) {
  ordered_json memory = estimate.document();
  memory["free_for_a_step"] = free;
  memory["largest_batch_size"] = estimate.largest_batch(free);
  memory["process_peak"] = core::peak_resident_bytes();
  if (parts.device.is_cuda()) memory["device_peak"] = core::peak_reserved_bytes(parts.device);
  return memory;
}

/// Lines of the numbers in bytes.
std::string memory_text(const ordered_json& memory) {
  const auto bytes = [](const ordered_json& value) {
    return human_bytes(value.get<std::uint64_t>());
  };
  std::string text = "memory\n";
  const auto line = [](const std::string& name, const std::string& value) {
    std::string start = cat("  ", name);
    start.resize(18, ' ');
    return cat(start, value, "\n");
  };
  const std::pair<const char*, const char*> rows[] = {{"weights", "weights"},
                                                      {"gradients", "gradients"},
                                                      {"moments", "moments"},
                                                      {"activations", "activations"},
                                                      {"total", "together"},
                                                      {"largest_tensor", "largest tensor"},
                                                      {"process_peak", "whole process"},
                                                      {"device_peak", "device's peak"}};
  for (const auto& [key, name] : rows) {
    if (memory.contains(key)) text += line(name, bytes(memory.at(key)));
  }
  for (const auto& row : memory.at("batch_sizes")) {
    text += line(cat("batch of ", row.at("batch_size").get<std::int64_t>()),
                 cat("about ", bytes(row.at("total"))));
  }
  return text + line("free", cat(bytes(memory.at("free_for_a_step")),
                                 " for a step: train.batch_size up to about ",
                                 memory.at("largest_batch_size").get<std::int64_t>()));
}

}  // namespace

ordered_json dry_run(const config::Config& config) {
  TrainingParts parts(config);
  for (const auto& split : config.eval.splits) (void)parts.dataset.index().split(split);
  const std::uint64_t free = core::free_memory(parts.device);
  MemoryEstimate estimate = parts_estimate(parts);
  const auto report = measure(parts, estimate);
  const data::Batch batch = parts.sample_batch(batch_size_of(parts));
  std::int64_t parameters = 0;
  for (const auto& parameter : parts.model->parameters()) parameters += parameter.numel();
  ordered_json document = {
      {"samples", parts.samples->size()},   {"steps_per_epoch", parts.steps_per_epoch()},
      {"total_steps", parts.total_steps()}, {"vocabulary", parts.tokenizer->vocabulary_size()},
      {"parameters", parameters},           {"images", batch.images.sizes()},
      {"tokens", batch.tokens.sizes()},     {"texts_per_picture", batch.text_index.size(1)},
      {"loss", {{"total", report.loss}}}};
  for (const auto& [name, value] : report.terms) document["loss"][name] = value;
  document["device"] = parts.device.str();
  document["started_from"] = parts.started_from;
  document["peak_memory_bytes"] = core::peak_resident_bytes();
  document["memory"] = memory_of(parts, estimate, free);
  return document;
}

std::string dry_run_text(const ordered_json& document) {
  const auto number = [&](const char* key) { return document.at(key).get<std::int64_t>(); };
  std::string text =
      cat("samples         ", number("samples"), ", ", number("steps_per_epoch"),
          " steps an epoch, ", number("total_steps"), " steps in all\n", "vocabulary      ",
          number("vocabulary"), " tokens\n", "parameters      ", number("parameters"),
          "\nimages          ", core::json_text(document.at("images")), "\ntokens          ",
          core::json_text(document.at("tokens")), "\ntexts a picture ", number("texts_per_picture"),
          "\n");
  for (const auto& [name, value] : document.at("loss").items()) {
    text += cat("loss            ", name, " ", value.get<double>(), "\n");
  }
  if (!document.at("started_from").is_null()) {
    text += cat("start           ", warm_start_text(document.at("started_from")), "\n");
  }
  return text + memory_text(document.at("memory"));
}

}  // namespace pcnet::runtime
