#pragma once

#include <cstdint>
#include <vector>

namespace pcnet::data {

/// Which samples a step sees: each epoch goes over all samples once in an order of its own; a last,
/// smaller batch is left out (unless there is only that one).
class EpochSampler {
 public:
  /// @param groups number of each sample's group: two of a group come into one batch only where the
  /// group has more samples than an epoch has steps; empty: all go together
  EpochSampler(std::int64_t samples, std::int64_t batch_size, std::uint64_t seed,
               std::vector<std::int64_t> groups = {});

  std::int64_t steps_per_epoch() const { return steps_per_epoch_; }
  std::int64_t epoch_of(std::int64_t step) const { return step / steps_per_epoch_; }
  /// The samples of step (0, 1, ... over all epochs).
  std::vector<std::size_t> samples_of(std::int64_t step);
  /// Samples an epoch that cannot but share a batch with another of their group.
  std::int64_t unavoidable_clashes() const;

 private:
  using Order = std::vector<std::size_t>;
  Order order_of(std::int64_t epoch) const;
  Order by_group(const Order& shuffled) const;
  Order dealt(const Order& by_group, std::int64_t epoch) const;

  std::int64_t samples_;
  std::int64_t batch_size_;
  std::uint64_t seed_;
  std::vector<std::int64_t> groups_;
  std::int64_t steps_per_epoch_;
  std::int64_t order_epoch_ = -1;
  Order order_;
};

}  // namespace pcnet::data
