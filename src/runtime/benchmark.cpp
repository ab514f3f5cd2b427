#include "pcnet/runtime/benchmark.h"

#include <algorithm>
#include <chrono>
#include <set>

#include <ATen/Parallel.h>

#include "pcnet/core/device.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/progress.h"
#include "pcnet/core/signals.h"
#include "pcnet/engine/evaluator.h"
#include "pcnet/runtime/model_source.h"
#include "pcnet/runtime/training.h"

namespace pcnet::runtime {

using nlohmann::ordered_json;

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

ordered_json machine(c10::Device device) {
  return {{"device", device.str()},
          {"threads", at::get_num_threads()},
          {"peak_memory_bytes", core::peak_resident_bytes()}};
}

}  // namespace

ordered_json bench_train(const config::Config& config, std::int64_t warm_up, std::int64_t steps) {
  if (steps < 1) throw core::UsageError("--steps: wanted at least 1");
  config::Config endless = config;
  endless.train.max_steps = warm_up + steps;
  TrainingParts parts(endless, {});
  const auto loader = parts.loader(0);
  std::vector<double> total, data, forward, backward, update;
  core::Progress progress("bench train", warm_up + steps, "steps");
  for (std::int64_t step = 0; step < warm_up + steps; ++step) {
    core::throw_if_stopped("bench stopped");
    const auto start = std::chrono::steady_clock::now();
    const data::Batch batch = engine::to_device(loader->next(), parts.device);
    const double data_seconds = seconds_since(start);
    const auto report = parts.trainer->step(batch, step);
    progress.update(step + 1);
    if (step < warm_up) continue;
    total.push_back(seconds_since(start));
    data.push_back(data_seconds);
    forward.push_back(report.forward_seconds);
    backward.push_back(report.backward_seconds);
    update.push_back(report.update_seconds);
  }
  progress.finish();
  const double step_seconds = median(total);
  const std::int64_t batch = std::min(config.train.batch_size, parts.samples->size());
  ordered_json document = {{"bench", "train"},
                           {"objective", config.train.objective},
                           {"batch_size", batch},
                           {"image_size", config.data.image_size},
                           {"warm_up_steps", warm_up},
                           {"steps", steps},
                           {"images_per_second", static_cast<double>(batch) / step_seconds},
                           {"median_seconds",
                            {{"step", step_seconds},
                             {"data", median(data)},
                             {"forward", median(forward)},
                             {"backward", median(backward)},
                             {"update", median(update)}}}};
  document.update(machine(parts.device));
  return document;
}

ordered_json bench_eval(const std::filesystem::path& model, const std::string& split,
                        const std::vector<std::string>& overrides, std::int64_t repeats) {
  if (repeats < 1) throw core::UsageError("--steps: wanted at least 1");
  LoadedModel loaded = load_model(model, overrides);
  data::Dataset dataset(loaded.config.data);
  auto responder = responder_for(loaded.model, *loaded.tokenizer, loaded.config, loaded.device);
  const auto run = [&] { return engine::evaluate(dataset, split, responder, loaded.config.eval); };
  const auto first_start = std::chrono::steady_clock::now();
  const engine::SplitResult result = run();  // decodes the pictures and warms up
  const double first = seconds_since(first_start);
  std::vector<double> spent;
  for (std::int64_t i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    (void)run();
    spent.push_back(seconds_since(start));
  }
  std::set<std::int64_t> pictures;
  for (const auto& sentence : result.sentences) pictures.insert(sentence.image_id);
  const double seconds = median(spent);
  ordered_json document = {
      {"bench", "eval"},
      {"split", split},
      {"pictures", pictures.size()},
      {"sentences", result.sentences.size()},
      {"first_seconds", first},
      {"median_seconds", seconds},
      {"repeats", repeats},
      {"pictures_per_second", static_cast<double>(pictures.size()) / seconds},
      {"sentences_per_second", static_cast<double>(result.sentences.size()) / seconds}};
  document.update(machine(loaded.device));
  return document;
}

}  // namespace pcnet::runtime
