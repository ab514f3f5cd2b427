#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <vector>

#include "pcnet/engine/trainer.h"
#include "pcnet/runtime/dry_run.h"
#include "pcnet/runtime/training_parts.h"

namespace pcnet::runtime {

/// What one step took.
struct StepMemory {
  std::int64_t batch_size = 0;
  std::uint64_t peak = 0;     ///< bytes beyond weights and moments, gradients included
  std::uint64_t largest = 0;  ///< bytes of its largest tensor
};

/// What training needs, by part, and by batch size: a B + b B^2 through the steps that were
/// measured, the gradients at least. The square is that of the losses that compare all pictures
/// with all texts.
class MemoryEstimate {
 public:
  MemoryEstimate(std::uint64_t weights, std::uint64_t gradients, std::uint64_t moments)
      : weights_(weights), gradients_(gradients), moments_(moments) {}

  void add(const StepMemory& step);

  bool is_empty() const { return steps_.empty(); }
  /// Bytes that a step of this size takes beyond weights and moments. With one measured step, it
  /// counts as proportional to the batch; of more, the smallest and the largest count.
  std::uint64_t step_bytes(std::int64_t batch_size) const;
  /// The largest batch whose step fits into so many bytes, with a tenth to spare; 0: none does.
  std::int64_t largest_batch(std::uint64_t bytes) const;

  /// Of at least one measured step.
  MemoryReport report() const;

 private:
  /// a and b, bytes.
  struct Growth {
    double per_picture;
    double per_pair;
  };
  Growth growth() const;

  std::uint64_t weights_;
  std::uint64_t gradients_;
  std::uint64_t moments_;
  std::vector<StepMemory> steps_;  // by size
};

/// The parts that are known without a step.
MemoryEstimate parts_estimate(const TrainingParts& parts);

/// train.batch_size, or all samples when they are fewer.
std::int64_t batch_size_of(const TrainingParts& parts);

/// Trains one step on a batch of so many samples, which changes the weights. Throws what the step
/// throws when memory runs out. @param report what the step did, if wanted
StepMemory measure_step(TrainingParts& parts, std::int64_t batch_size,
                        engine::StepReport* report = nullptr);

/// What to say when memory ran out in training: what was asked for, what is free for a step, and
/// which settings would fit, found by steps of a few pictures; the weights change. @param step
/// steps done
std::string out_of_memory_line(TrainingParts& parts, const std::exception& fault,
                               std::int64_t step);

}  // namespace pcnet::runtime
