#include "pcnet/runtime/benchmark.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include "pcnet/clip/clip.h"
#include "pcnet/core/device.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/lap.h"
#include "pcnet/core/log.h"
#include "pcnet/core/profile.h"
#include "pcnet/core/progress.h"
#include "pcnet/core/signals.h"
#include "pcnet/engine/evaluator.h"
#include "pcnet/engine/trainer.h"
#include "pcnet/runtime/dataset_opening.h"
#include "pcnet/runtime/model_source.h"
#include "pcnet/runtime/training_parts.h"

namespace pcnet::runtime {

using core::cat;
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

/// Keeps the reports of the steps after the warm-up.
class Measure : public engine::Hook {
 public:
  /// @param profile of the measured steps; may be null
  Measure(std::int64_t warm_up, std::int64_t steps, std::vector<engine::StepReport>& reports,
          core::Profile* profile)
      : warm_up_(warm_up),
        progress_("bench train", warm_up + steps, "steps"),
        reports_(reports),
        profile_(profile) {}
  void after_step(const engine::StepReport& report, engine::TrainState&) override {
    progress_.update(report.step);
    if (report.step > warm_up_) reports_.push_back(report);
    if (report.step == warm_up_ && profile_ != nullptr) profile_->clear();
  }
  void after_training(engine::TrainState&) override { progress_.finish(); }

 private:
  std::int64_t warm_up_;
  core::Progress progress_;
  std::vector<engine::StepReport>& reports_;
  core::Profile* profile_;
};

/// What a large matrix product and a convolution of CLIP's reach here.
ordered_json peak_of(bool bf16) {
  const torch::NoGradGuard no_grad;
  const auto rate_of = [](double operations, const std::function<void()>& work) {
    return operations / core::shortest_seconds(work, /*passes=*/4);
  };
  const auto options = torch::dtype(bf16 ? torch::kBFloat16 : torch::kFloat);
  constexpr std::int64_t kSide = 2048;
  const at::Tensor a = torch::ones({kSide, kSide}, options);
  const double product = rate_of(2.0 * kSide * kSide * kSide, [&] { (void)a.mm(a); });
  constexpr std::int64_t kImages = 8, kChannels = 256, kCells = 40;
  const at::Tensor x = torch::ones({kImages, kChannels, kCells, kCells}, options)
                           .contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor weight =
      torch::ones({kChannels, kChannels, 3, 3}, options).contiguous(at::MemoryFormat::ChannelsLast);
  const double operations = 2.0 * kImages * kCells * kCells * kChannels * kChannels * 9;
  const double convolution =
      rate_of(operations, [&] { (void)at::conv2d(x, weight, {}, 1, /*padding=*/1); });
  return {{"product", product}, {"convolution", convolution}};
}

void require_processor(c10::Device device) {
  if (device.is_cpu()) return;
  throw core::UsageError(
      "--profile looks at a processor's clock, which says nothing of a GPU: wanted --device cpu");
}

/// Of a profile: seconds and operations a unit (a step, an image), and the share of the peak.
ordered_json parts_of(const core::Profile& profile, double units, bool bf16) {
  const ordered_json peak = peak_of(bf16);
  const double most = std::max(peak["product"].get<double>(), peak["convolution"].get<double>());
  ordered_json parts = ordered_json::array();
  double all = 0;
  for (const auto& part : profile.parts()) all += part.core_seconds;
  core::log::info(
      cat("where time goes; the most that a matrix product or a convolution reaches "
          "here is ",
          core::fixed(most / 1e9, 0), " billion operations a second"));
  for (const auto& part : profile.parts()) {
    if (part.core_seconds <= 0) continue;
    const double of_peak = part.operations / (part.core_seconds / at::get_num_threads()) / most;
    parts.push_back({{"part", part.name},
                     {"share", part.core_seconds / all},
                     {"forward_seconds", part.forward_seconds / units},
                     {"backward_seconds", part.backward_seconds / units},
                     {"operations", part.operations / units},
                     {"of_peak", of_peak}});
    std::string name = part.name;
    name.resize(std::max<std::size_t>(name.size(), 26), ' ');
    core::log::info(
        cat("  ", name, core::fixed(100 * part.core_seconds / all, 1), " %, forward ",
            core::fixed(1e3 * part.forward_seconds / units, 1), " ms, backward ",
            core::fixed(1e3 * part.backward_seconds / units, 1), " ms",
            part.operations > 0 ? cat(", ", core::fixed(100 * of_peak, 0), " % of the peak") : ""));
  }
  return {{"peak_operations_per_second", peak}, {"parts", parts}};
}

template <class Work>
double median_seconds(const ClipBenchOptions& options, Work work) {
  std::vector<double> spent;
  for (std::int64_t i = 0; i < options.warm_up + options.repeats; ++i) {
    core::throw_if_stopped("bench stopped");
    const auto start = std::chrono::steady_clock::now();
    work();
    if (i >= options.warm_up) spent.push_back(seconds_since(start));
  }
  return median(spent);
}

std::int64_t parameter_count(const torch::nn::Module& module) {
  std::int64_t count = 0;
  for (const auto& parameter : module.parameters()) count += parameter.numel();
  return count;
}

}  // namespace

ordered_json bench_train(const config::Config& config, std::int64_t warm_up, std::int64_t steps,
                         bool profile, distributed::Team* team) {
  if (steps < 1) throw core::UsageError("--steps: wanted at least 1");
  config::Config endless = config;
  endless.train.max_steps = warm_up + steps;
  TrainingParts parts(endless, {}, team);
  parts.trainer->share_weights();
  const auto loader = parts.loader(0);
  std::vector<engine::StepReport> reports;
  std::optional<core::Profile> profiled;
  if (profile) {
    require_processor(parts.device);
    profiled.emplace();
  }
  parts.trainer->add_hook(
      std::make_unique<Measure>(warm_up, steps, reports, profiled ? &*profiled : nullptr));
  engine::TrainState state;
  if (!parts.trainer->run(*loader, parts.steps_per_epoch(), parts.device, state)) {
    core::throw_if_stopped("bench stopped");
  }
  const auto median_of = [&](double engine::StepReport::*seconds) {
    std::vector<double> values;
    for (const auto& report : reports) values.push_back(report.*seconds);
    return median(std::move(values));
  };
  // A step that is read late may borrow from the next: the mean of all is what a run takes.
  double spent = 0;
  for (const auto& report : reports) spent += report.seconds;
  const double step_seconds = spent / static_cast<double>(reports.size());
  const std::int64_t batch = std::min(config.train.batch_size, parts.samples->size());
  ordered_json document = {{"bench", "train"},
                           {"objective", config.train.objective.word()},
                           {"batch_size", batch},
                           {"image_size", config.data.image_size},
                           {"processes", parts.team->size()},
                           {"gradient_bytes", parts.trainer->gradient_bytes()},
                           {"warm_up_steps", warm_up},
                           {"steps", steps},
                           {"images_per_second", static_cast<double>(batch) / step_seconds},
                           {"mean_step_seconds", step_seconds},
                           {"median_seconds",
                            {{"step", median_of(&engine::StepReport::seconds)},
                             {"data", median_of(&engine::StepReport::data_seconds)},
                             {"forward", median_of(&engine::StepReport::forward_seconds)},
                             {"backward", median_of(&engine::StepReport::backward_seconds)},
                             {"update", median_of(&engine::StepReport::update_seconds)}}}};
  if (profiled) {
    document["profile"] = parts_of(*profiled, static_cast<double>(steps),
                                   config.train.precision == config::StepPrecision::kBf16);
  }
  document.update(machine(parts.device));
  return document;
}

ordered_json bench_eval(const std::filesystem::path& model, const std::string& split,
                        const std::vector<std::string>& overrides, std::int64_t repeats,
                        bool profile, distributed::Team* processes) {
  if (repeats < 1) throw core::UsageError("--repeats: wanted at least 1");
  LoadedModel loaded = load_model(model, overrides);
  data::Dataset dataset = open_dataset(loaded);
  auto responder = responder_for(loaded.model, *loaded.tokenizer, loaded.config, loaded.device);
  const auto segmentor = segmentor_for(loaded.config, dataset);
  const auto team = distributed::communicator_for(processes, loaded.device);
  const auto run = [&] {
    return engine::evaluate(dataset, split, responder, *segmentor, loaded.config.eval, team);
  };
  const auto first_start = std::chrono::steady_clock::now();
  const engine::SplitResult result = run();  // decodes the pictures and warms up
  const double first = seconds_since(first_start);
  text::report(result.text_omissions, cat("sentences of ", split), loaded.config.data.text_length);
  text::report(result.cue_omissions, cat("cues of ", split), loaded.config.data.text_length);
  std::optional<core::Profile> profiled;
  if (profile) {
    require_processor(loaded.device);
    profiled.emplace();
  }
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
      {"processes", team->size()},
      {"pictures", pictures.size()},
      {"sentences", result.sentences.size()},
      {"first_seconds", first},
      {"median_seconds", seconds},
      {"repeats", repeats},
      {"pictures_per_second", static_cast<double>(pictures.size()) / seconds},
      {"sentences_per_second", static_cast<double>(result.sentences.size()) / seconds}};
  if (profiled) {
    document["profile"] =
        parts_of(*profiled, static_cast<double>(pictures.size()) * static_cast<double>(repeats),
                 loaded.config.eval.precision == config::EvalPrecision::kBf16);
  }
  document.update(machine(loaded.device));
  return document;
}

ordered_json bench_clip(const config::Config& config, const ClipBenchOptions& options) {
  constexpr std::int64_t kVocabulary = 49408;  // CLIP's
  if (options.batch < 1) throw core::UsageError("--batch: wanted at least 1");
  if (options.repeats < 1) throw core::UsageError("--repeats: wanted at least 1");
  const torch::NoGradGuard no_grad;
  core::set_threads(static_cast<int>(config.run.threads));
  const c10::Device device = core::parse_device(config.run.device);
  torch::manual_seed(static_cast<std::uint64_t>(config.run.seed));
  clip::Clip clip(config.model.clip, kVocabulary);
  clip->to(device);
  clip->eval();
  clip->set_folded(true);
  use_channels_last(*clip);
  const std::int64_t size = options.image_size > 0 ? options.image_size : config.data.image_size;
  const at::Tensor images =
      torch::randn({options.batch, 3, size, size}, device).to(at::MemoryFormat::ChannelsLast);
  const std::int64_t length =
      std::min(config.data.text_length, config.model.clip.text.context_length);
  at::Tensor tokens = torch::randint(1, kVocabulary - 2, {options.batch, length}, at::kLong);
  tokens.select(/*dim=*/1, length - 1).fill_(kVocabulary - 1);
  // Reading one number waits for the device.
  const double image_seconds = median_seconds(
      options, [&] { (void)clip->encode_image_grid(images).flatten()[0].item<float>(); });
  const double text_seconds =
      median_seconds(options, [&] { (void)clip->encode_text(tokens).flatten()[0].item<float>(); });
  const auto batch = static_cast<double>(options.batch);
  ordered_json document = {
      {"bench", "clip"},
      {"batch_size", options.batch},
      {"image_size", size},
      {"text_length", length},
      {"parameters", parameter_count(*clip)},
      {"image_parameters", parameter_count(*clip->visual())},
      {"warm_up", options.warm_up},
      {"repeats", options.repeats},
      {"pictures_per_second", batch / image_seconds},
      {"texts_per_second", batch / text_seconds},
      {"median_seconds", {{"images", image_seconds}, {"texts", text_seconds}}}};
  document.update(machine(device));
  return document;
}

}  // namespace pcnet::runtime
