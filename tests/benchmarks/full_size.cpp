// One training step of PCNet at the paper's size, from random weights, as one line of JSON:
//
//   cmake --build --preset release --target full_size
//   build/release/tests/benchmarks/full_size [pictures]      (36 when not given)
//
// RN50, profile `paper`, 320 px, three stages, five cues, one partner, forty proposals, sentences
// of twenty tokens: encoders, modules, the terms of the loss, and the gradient. Fails when
// something is not finite or the memory reaches 24 GB; results stand in results/pcnet_full_size.md.

#include <chrono>
#include <cmath>
#include <iostream>
#include <string>

#include <nlohmann/json.hpp>
#include <torch/torch.h>

#include "pcnet/config/profiles.h"
#include "pcnet/core/device.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/engine/learner.h"
#include "pcnet/runtime/model_source.h"

#include "support/allocations.h"

namespace {

namespace config = pcnet::config;
namespace core = pcnet::core;
namespace data = pcnet::data;
namespace engine = pcnet::engine;
namespace losses = pcnet::losses;
namespace model = pcnet::model;
namespace runtime = pcnet::runtime;

constexpr std::int64_t kVocabulary = 49408;
constexpr double kMostGigabytes = 24;

class Clock {
 public:
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    return seconds;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

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

nlohmann::ordered_json run(std::int64_t pictures) {
  const config::Config config = config::profile_values("paper");
  const auto pcnet = runtime::build_model(config, kVocabulary, torch::kCPU);
  pcnet->train();
  torch::manual_seed(1);
  const data::Batch batch = full_batch(config, pictures);
  nlohmann::ordered_json out = {
      {"pictures", pictures}, {"texts", batch.tokens.size(0)}, {"built_gb", gigabytes()}};
  engine::ReferringLearner learner(pcnet, config.loss);
  Clock clock;
  const auto forward = [&] {
    const pcnet::support::AllocationWatch watch;
    const losses::Terms made = learner.losses(batch, {.step = 0, .progress = 1});
    out["largest_tensor_gb"] = static_cast<double>(watch.largest()) / 1e9;
    return made;
  };
  const losses::Terms terms = forward();
  out["forward_s"] = clock.lap();
  out["forward_gb"] = gigabytes();
  terms.total.backward();
  out["backward_s"] = clock.lap();
  out["backward_gb"] = gigabytes();
  for (const auto& [name, value] : terms.terms) out["terms"][name] = value.item<double>();
  out["loss"] = terms.total.item<double>();
  if (!std::isfinite(terms.total.item<double>())) throw core::Error("the loss is not finite");
  out["numbers_with_gradient"] = check_gradients(*pcnet);
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto out = run(argc > 1 ? std::stoll(argv[1]) : 36);
    std::cout << out.dump() << "\n";
    const double most = out["backward_gb"].get<double>();
    if (most < kMostGigabytes) return 0;
    std::cerr << "peak memory " << most << " GB, wanted less than " << kMostGigabytes << "\n";
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
  }
  return 1;
}
