#include "memory_estimate.h"

#include <algorithm>
#include <cmath>

#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/core/memory.h"
#include "pcnet/engine/trainer.h"

namespace pcnet::runtime {

using core::cat;
using core::human_bytes;

namespace {

constexpr double kSpare = 0.9;  // of what is free: allocators round up, and the line is an estimate

double number(std::uint64_t bytes) { return static_cast<double>(bytes); }

}  // namespace

void MemoryEstimate::add(const StepMemory& step) {
  std::erase_if(steps_, [&](const auto& known) { return known.batch_size == step.batch_size; });
  steps_.push_back(step);
  std::sort(steps_.begin(), steps_.end(),
            [](const auto& a, const auto& b) { return a.batch_size < b.batch_size; });
}

MemoryEstimate::Growth MemoryEstimate::growth() const {
  const auto each = [](const StepMemory& step) {
    return number(step.peak) / static_cast<double>(step.batch_size);
  };
  const StepMemory& small = steps_.front();
  const StepMemory& large = steps_.back();
  if (large.batch_size == small.batch_size) return {each(large), 0};
  const double sizes = static_cast<double>(large.batch_size - small.batch_size);
  const double per_pair = std::max(0.0, (each(large) - each(small)) / sizes);
  return {each(large) - per_pair * static_cast<double>(large.batch_size), per_pair};
}

std::uint64_t MemoryEstimate::step_bytes(std::int64_t batch_size) const {
  const Growth grows = growth();
  const auto size = static_cast<double>(batch_size);
  const double activations = size * (grows.per_picture + size * grows.per_pair);
  // The peak is where the backward pass begins; a small batch has it where all gradients are there.
  return static_cast<std::uint64_t>(std::llround(std::max(number(gradients_), activations)));
}

std::int64_t MemoryEstimate::largest_batch(std::uint64_t bytes) const {
  const auto usable = static_cast<std::uint64_t>(number(bytes) * kSpare);
  std::int64_t fits = 0;
  std::int64_t too_many = 1;
  while (too_many < (1 << 20) && step_bytes(too_many) <= usable) {
    fits = too_many;
    too_many *= 2;
  }
  while (too_many - fits > 1) {
    const std::int64_t middle = fits + (too_many - fits) / 2;
    (step_bytes(middle) <= usable ? fits : too_many) = middle;
  }
  return fits;
}

MemoryReport MemoryEstimate::report() const {
  const StepMemory& last = steps_.back();
  const std::uint64_t kept = weights_ + moments_;
  MemoryReport report{.weights = weights_,
                      .gradients = gradients_,
                      .moments = moments_,
                      .activations = last.peak - std::min(last.peak, gradients_),
                      .largest_tensor = last.largest,
                      .step_peak = last.peak,
                      .total = kept + last.peak,
                      .per_picture = std::llround(growth().per_picture),
                      .per_pair = std::llround(growth().per_pair)};
  for (const auto& step : steps_) report.measured.push_back({step.batch_size, step.peak});
  for (const std::int64_t size : {last.batch_size / 4, last.batch_size / 2, last.batch_size,
                                  last.batch_size * 2, last.batch_size * 4}) {
    if (size > 0) report.batch_sizes.push_back({size, kept + step_bytes(size)});
  }
  return report;
}

MemoryEstimate parts_estimate(const TrainingParts& parts) {
  std::uint64_t weights = 0;
  std::uint64_t gradients = 0;
  std::uint64_t moments = 0;
  for (const auto& [name, tensor] : engine::state_dict(*parts.model)) weights += tensor.nbytes();
  for (const auto& parameter : parts.model->parameters()) {
    if (parameter.requires_grad()) gradients += parameter.nbytes();
  }
  for (const auto& [name, tensor] : parts.trainer->state()) moments += tensor.nbytes();
  return {weights, gradients, moments};
}

StepMemory measure_step(TrainingParts& parts, std::int64_t batch_size, engine::StepReport* report) {
  parts.optimizer->zero_grad();
  const core::MemoryMeter meter(parts.device);
  const data::Batch batch = parts.sample_batch(batch_size);
  const auto done = parts.trainer->step(batch, 0);
  if (report != nullptr) *report = done;
  return {batch.images.size(0), meter.peak(), meter.largest()};
}

std::int64_t batch_size_of(const TrainingParts& parts) {
  const auto samples = static_cast<std::int64_t>(parts.samples->size());
  return std::min(parts.config.train.batch_size, samples);
}

namespace {

/// Steps of an eighth and of a quarter of the batch, as far as they fit.
MemoryEstimate estimate_from_small_steps(TrainingParts& parts) {
  MemoryEstimate estimate = parts_estimate(parts);
  const std::int64_t whole = batch_size_of(parts);
  const std::int64_t eighth = std::max<std::int64_t>(1, whole / 8);
  const std::int64_t quarter = std::max(eighth + 1, whole / 4);
  for (const std::int64_t size : {eighth, quarter}) {
    if (size >= whole) break;
    try {
      estimate.add(measure_step(parts, size));
    } catch (const std::exception& error) {
      core::log::debug(cat("a step of ", size, " images: ", error.what()));
      break;
    }
  }
  return estimate;
}

constexpr const char* kOthers =
    "train.recompute=true and a larger train.accumulate take less at the same batch size, a "
    "smaller data.image_size, too";

std::string advice(const MemoryEstimate& estimate, std::int64_t asked, std::uint64_t free) {
  if (estimate.is_empty()) {
    return cat("a few images do not fit either: ", kOthers);
  }
  const std::int64_t fits = estimate.largest_batch(free);
  const std::string needs = cat("a step of ", asked, " needs about ",
                                human_bytes(estimate.step_bytes(asked)), " by an estimate");
  if (fits >= asked) {
    return cat(needs,
               " and would fit: lower eval.batch_size, data.prefetch or data.workers, or "
               "free memory that others use");
  }
  if (fits == 0) return cat(needs, ", and one image does not fit: ", kOthers);
  return cat(needs, "; train.batch_size=", fits, " would fit; ", kOthers);
}

}  // namespace

std::string out_of_memory_line(TrainingParts& parts, const std::exception& fault,
                               std::int64_t step) {
  const auto asked = core::bytes_asked_for(fault);
  parts.optimizer->zero_grad();
  const std::uint64_t free = core::free_memory(parts.device);
  const MemoryEstimate estimate = estimate_from_small_steps(parts);
  return cat("out of memory on ", parts.device.str(), " at step ", step + 1, ": ",
             asked ? cat(human_bytes(*asked), " more were asked for, ") : "", human_bytes(free),
             " are free for a step; ", advice(estimate, batch_size_of(parts), free),
             " (the checkpoints are those of the steps before)");
}

}  // namespace pcnet::runtime
