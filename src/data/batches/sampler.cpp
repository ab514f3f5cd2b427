#include "pcnet/data/batches/sampler.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "pcnet/core/error.h"
#include "pcnet/core/random.h"

namespace pcnet::data {

EpochSampler::EpochSampler(std::int64_t samples, std::int64_t batch_size, std::uint64_t seed,
                           std::vector<std::int64_t> groups)
    : samples_(samples),
      batch_size_(std::min(batch_size, samples)),
      seed_(seed),
      groups_(std::move(groups)),
      steps_per_epoch_(samples > 0 ? samples / batch_size_ : 0) {
  if (samples <= 0) throw core::Error("there is nothing to train on: no sample");
}

std::vector<std::size_t> EpochSampler::samples_of(std::int64_t step) {
  const std::int64_t epoch = epoch_of(step);
  if (epoch != order_epoch_) {
    order_ = order_of(epoch);
    order_epoch_ = epoch;
  }
  const auto begin = order_.begin() + step % steps_per_epoch_ * batch_size_;
  return {begin, begin + batch_size_};
}

std::int64_t EpochSampler::unavoidable_clashes() const {
  std::unordered_map<std::int64_t, std::int64_t> sizes;
  for (const auto group : groups_) ++sizes[group];
  std::int64_t surplus = 0;
  for (const auto& [group, size] : sizes)
    surplus += std::max<std::int64_t>(size - steps_per_epoch_, 0);
  const std::int64_t left_out = samples_ - steps_per_epoch_ * batch_size_;
  return std::max<std::int64_t>(surplus - left_out, 0);
}

EpochSampler::Order EpochSampler::order_of(std::int64_t epoch) const {
  Order order(static_cast<std::size_t>(samples_));
  std::iota(order.begin(), order.end(), std::size_t{0});
  core::Rng rng({seed_, static_cast<std::uint64_t>(epoch)});
  rng.shuffle(order);
  return groups_.empty() ? order : dealt(by_group(order), epoch);
}

/// Samples of a group one after the other, groups in the order of their first sample. What is more
/// than one a batch comes last, where it is left out first.
EpochSampler::Order EpochSampler::by_group(const Order& shuffled) const {
  std::unordered_map<std::int64_t, std::size_t> place_of;
  std::vector<Order> members;
  Order surplus;
  for (const auto sample : shuffled) {
    const auto place = place_of.emplace(groups_[sample], members.size()).first->second;
    if (place == members.size()) members.emplace_back();
    const bool fits = static_cast<std::int64_t>(members[place].size()) < steps_per_epoch_;
    (fits ? members[place] : surplus).push_back(sample);
  }
  Order order;
  for (const auto& group : members) order.insert(order.end(), group.begin(), group.end());
  order.insert(order.end(), surplus.begin(), surplus.end());
  return order;
}

/// Deals the samples to the batches round by round, each round in an order of its own, so that a
/// group, which lies together and has at most one sample a batch, meets no batch twice in a round.
/// A group that goes on in the next round gets the batches it has not had before the others.
EpochSampler::Order EpochSampler::dealt(const Order& by_group, std::int64_t epoch) const {
  core::Rng rng({seed_, static_cast<std::uint64_t>(epoch), 1});
  const auto steps = static_cast<std::size_t>(steps_per_epoch_);
  const auto size = static_cast<std::size_t>(batch_size_);
  Order order(steps * size);
  Order turns(steps);
  std::iota(turns.begin(), turns.end(), std::size_t{0});
  std::vector<std::int64_t> last_group(steps);  // of each batch: the group dealt in the last round
  for (std::size_t round = 0; round < size; ++round) {
    rng.shuffle(turns);
    const std::size_t begin = round * steps;
    if (round > 0) {
      const auto group = groups_[by_group[begin]];
      const bool goes_on = groups_[by_group[begin - 1]] == group;
      if (goes_on) {
        std::stable_partition(turns.begin(), turns.end(),
                              [&](std::size_t batch) { return last_group[batch] != group; });
      }
    }
    for (std::size_t i = 0; i < steps; ++i) {
      const std::size_t sample = by_group[begin + i];
      order[turns[i] * size + round] = sample;
      last_group[turns[i]] = groups_[sample];
    }
  }
  return order;
}

}  // namespace pcnet::data
