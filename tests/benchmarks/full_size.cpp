// One training step of PCNet at the paper's size, from random weights, as one line of JSON:
//
//   cmake --build --preset release --target full_size
//   build/release/tests/benchmarks/full_size [pictures]      (36 when not given)
//       [--device cpu|cuda] [--precision fp32|tf32|bf16|fp16|auto] [--recompute false|true]
//       [--accumulate PARTS] [--threads N] [--warmup STEPS] [--steps STEPS]
//       [--trace FILE]   (three steps more, as a Chrome trace)
//
// RN50, profile `paper`, 320 px, three stages, five cues, one partner, forty proposals, sentences
// of twenty tokens: encoders, modules, the terms of the loss, the gradient, the update. Fails when
// something is not finite or the memory reaches 24 GB; results stand in results/.

#include <algorithm>
#include <chrono>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <c10/core/CachingDeviceAllocator.h>
#include <torch/csrc/autograd/profiler_kineto.h>
#include <torch/cuda.h>
#include <torch/torch.h>

#include "pcnet/config/config.h"
#include "pcnet/core/device.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/tensor_memory.h"
#include "pcnet/engine/learner.h"
#include "pcnet/engine/optimizer.h"
#include "pcnet/engine/trainer.h"
#include "pcnet/runtime/model_source.h"

#include "support/allocations.h"

namespace {

namespace config = pcnet::config;
namespace core = pcnet::core;
namespace data = pcnet::data;
namespace engine = pcnet::engine;
namespace model = pcnet::model;
namespace runtime = pcnet::runtime;

constexpr std::int64_t kVocabulary = 49408;
constexpr double kMostGigabytes = 24;

double gigabytes() { return static_cast<double>(core::peak_resident_bytes()) / 1e9; }

/// A batch in which every text is another one and as long as can be: the most that B can ask for.
data::Batch full_batch(const config::Config& config, std::int64_t pictures) {
  const std::int64_t cues = config.data.cues_per_sentence;
  const std::int64_t partners = config.data.partners;
  const std::int64_t texts = pictures * (1 + partners) * (1 + cues);
  const std::int64_t side = config.data.image_size;
  const auto grid = runtime::loss_grid(config);
  data::Batch batch;
  batch.images = torch::randint(0, 256, {pictures, 3, side, side}, torch::kByte);
  batch.tokens = torch::randint(1, 49000, {texts, config.data.text_length}, torch::kInt64);
  batch.tokens.select(1, 0).fill_(kVocabulary - 2);
  batch.tokens.select(1, -1).fill_(kVocabulary - 1);
  std::int64_t next = 0;
  const auto rows = [&next](at::IntArrayRef shape) {
    const std::int64_t count = c10::multiply_integers(shape);
    next += count;
    return torch::arange(next - count, next, torch::kInt64).view(shape);
  };
  batch.text_index = rows({pictures, 1});
  batch.cue_index = rows({pictures, 1, cues});
  batch.partner_index = rows({pictures, partners});
  batch.partner_cue_index = rows({pictures, partners, cues});
  batch.has_partner = torch::ones({pictures, partners}, torch::kBool);
  batch.proposals =
      torch::rand({pictures, grid.most, grid.height, grid.width}).gt(0.8).to(torch::kByte);
  return batch;
}

/// Error unless every parameter on the path of training has a finite gradient. @return their count
std::int64_t check_gradients(const model::ReferringModel& model) {
  std::int64_t numbers = 0;
  for (const auto& item : model.named_parameters()) {
    const bool off_path =
        item.key().find("attnpool") != std::string::npos || item.key().ends_with("logit_scale");
    if (item->grad().defined() == off_path) {
      throw core::Error(core::cat(item.key(), ": a gradient where none is wanted, or none"));
    }
    if (off_path) continue;
    if (!item->grad().isfinite().all().item<bool>()) {
      throw core::Error(core::cat(item.key(), ": the gradient is not finite"));
    }
    numbers += item->numel();
  }
  return numbers;
}

/// All parameters with one rate: what the optimizer costs does not depend on it.
engine::AdamW optimizer_of(const model::ReferringModel& model) {
  engine::ParameterGroup group{"all", 1.0, {}};
  for (const auto& item : model.named_parameters()) {
    group.parameters.emplace_back(item.key(), item.value());
  }
  return {{group}, {}};
}

/// The most memory so far: of the process, or of tensors on a GPU.
double peak_gigabytes(c10::Device device) {
  if (device.is_cpu()) return gigabytes();
  const auto stats = c10::getDeviceAllocator(device.type())->getDeviceStats(device.index());
  return static_cast<double>(stats.allocated_bytes.front().peak) / 1e9;
}

void wait_for(c10::Device device) {
  if (device.is_cuda()) torch::cuda::synchronize(device.index());
}

/// Three steps, watched.
void write_trace(const std::string& path, engine::Trainer& trainer, const data::Batch& batch,
                 std::int64_t step) {
  namespace profiler = torch::autograd::profiler;
  namespace impl = torch::profiler::impl;
  const impl::ProfilerConfig config(impl::ProfilerState::KINETO);
  std::set<impl::ActivityType> activities = {impl::ActivityType::CPU};
  if (batch.images.is_cuda()) activities.insert(impl::ActivityType::CUDA);
  profiler::prepareProfiler(config, activities);
  profiler::enableProfiler(config, activities);
  for (std::int64_t i = 0; i < 3; ++i) (void)trainer.launch(batch, step + i);
  wait_for(batch.images.device());
  profiler::disableProfiler()->save(path);
}

struct Arguments {
  std::int64_t pictures = 36;
  std::int64_t warmup = 0;
  std::int64_t steps = 1;
  std::string trace;
  std::vector<std::string> settings;
};

Arguments parse(int argc, char** argv) {
  const std::map<std::string, std::string> keys = {{"--precision", "train.precision"},
                                                   {"--device", "run.device"},
                                                   {"--threads", "run.threads"},
                                                   {"--recompute", "train.recompute"},
                                                   {"--accumulate", "train.accumulate"}};
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (!word.starts_with("--")) {
      arguments.pictures = std::stoll(word);
      continue;
    }
    if (++i == argc) throw core::UsageError(core::cat(word, ": wanted a value"));
    if (word == "--steps") {
      arguments.steps = std::stoll(argv[i]);
    } else if (word == "--trace") {
      arguments.trace = argv[i];
    } else if (word == "--warmup") {
      arguments.warmup = std::stoll(argv[i]);
    } else if (keys.contains(word)) {
      arguments.settings.push_back(core::cat(keys.at(word), "=", argv[i]));
    } else {
      throw core::UsageError(core::cat("no option ", word, ": see the top of full_size.cpp"));
    }
  }
  return arguments;
}

nlohmann::ordered_json run(const Arguments& arguments) {
  const config::Config config = config::load_defaults(arguments.settings).values;
  const c10::Device device = core::parse_device(config.run.device);
  core::set_threads(static_cast<int>(config.run.threads));
  core::set_arithmetic(config.run.deterministic);
  const auto pcnet = runtime::build_model(config, kVocabulary, device);
  pcnet->backbone()->set_recompute(config.train.recompute);
  torch::manual_seed(1);
  const data::Batch batch = full_batch(config, arguments.pictures).to(device);
  nlohmann::ordered_json out = {{"device", device.str()},
                                {"precision", config.train.precision.word()},
                                {"recompute", config.train.recompute},
                                {"accumulate", config.train.accumulate},
                                {"pictures", arguments.pictures},
                                {"texts", batch.tokens.size(0)},
                                {"built_gb", peak_gigabytes(device)}};
  engine::ReferringLearner learner(pcnet, config.loss, /*seed=*/0, nullptr,
                                   {.parts = config.train.accumulate});
  engine::AdamW optimizer = optimizer_of(*pcnet);
  engine::Trainer trainer(*pcnet, learner, optimizer,
                          {.learning_rate = 1e-6,
                           .schedule = {.total_steps = 1000000},
                           .precision = engine::fixed_precision(config.train.precision)});
  const bool late = device.is_cuda() && config.train.precision != config::StepPrecision::kFp16;
  engine::StepReport report;
  std::optional<engine::Trainer::Pending> pending;
  double forward = 0;
  double backward = 0;
  double update = 0;
  std::int64_t peak = 0;
  std::int64_t largest = 0;
  auto start = std::chrono::steady_clock::now();
  for (std::int64_t step = 0; step < arguments.warmup + arguments.steps; ++step) {
    if (step == arguments.warmup) {
      wait_for(device);
      start = std::chrono::steady_clock::now();
    }
    const pcnet::support::AllocationWatch watch;
    if (late) {
      auto launched = trainer.launch(batch, step);
      if (pending) report = trainer.read(*pending);
      pending = std::move(launched);
    } else {
      report = trainer.step(batch, step);
    }
    peak = std::max(peak, watch.peak());
    largest = std::max(largest, watch.largest());
    if (step < arguments.warmup) continue;
    forward += report.forward_seconds;
    backward += report.backward_seconds;
    update += report.update_seconds;
  }
  if (pending) report = trainer.read(*pending);
  wait_for(device);
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  const auto steps = static_cast<double>(arguments.steps);
  out["forward_s"] = forward / steps;
  out["backward_s"] = backward / steps;
  out["update_s"] = update / steps;
  out["images_per_second"] = static_cast<double>(arguments.pictures) * steps / spent.count();
  out["peak_gb"] = peak_gigabytes(device);
  if (device.is_cpu()) {  // the watch counts what this thread takes of the host's memory
    out["step_tensors_gb"] = static_cast<double>(peak) / 1e9;
    out["largest_tensor_gb"] = static_cast<double>(largest) / 1e9;
  }
  for (const auto& [name, value] : report.terms) out["terms"][name] = value;
  out["loss"] = report.loss;
  out["overflows"] = report.overflows;
  if (!arguments.trace.empty()) {
    write_trace(arguments.trace, trainer, batch, arguments.warmup + arguments.steps);
  }
  if (!report.overflowed) out["numbers_with_gradient"] = check_gradients(*pcnet);
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    (void)core::reuse_tensor_memory();
    const auto out = run(parse(argc, argv));
    std::cout << pcnet::core::json_text(out) << "\n";
    const double most = out["peak_gb"].get<double>();
    if (out["device"] != "cpu" || most < kMostGigabytes) return 0;
    std::cerr << "peak memory " << most << " GB, wanted less than " << kMostGigabytes << "\n";
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
  }
  return 1;
}
