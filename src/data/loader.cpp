#include "pcnet/data/loader.h"

#include <algorithm>
#include <numeric>

#include "pcnet/core/error.h"
#include "pcnet/core/random.h"

namespace pcnet::data {

EpochSampler::EpochSampler(std::int64_t samples, std::int64_t batch_size, std::uint64_t seed)
    : samples_(samples),
      batch_size_(std::min(batch_size, samples)),
      seed_(seed),
      steps_per_epoch_(samples > 0 ? samples / batch_size_ : 0) {
  if (samples <= 0) throw core::Error("there is nothing to train on: no sample");
}

std::vector<std::size_t> EpochSampler::samples_of(std::int64_t step) {
  const std::int64_t epoch = epoch_of(step);
  if (epoch != order_epoch_) {
    order_.resize(static_cast<std::size_t>(samples_));
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    core::Rng rng({seed_, static_cast<std::uint64_t>(epoch)});
    rng.shuffle(order_);
    order_epoch_ = epoch;
  }
  const auto begin = order_.begin() + step % steps_per_epoch_ * batch_size_;
  return {begin, begin + batch_size_};
}

Loader::Loader(Samples& samples, const Options& options)
    : samples_(samples),
      options_(options),
      sampler_(samples.size(), options.batch_size, options.seed),
      step_(options.first) {
  if (options_.prefetch > 0) {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
}

Loader::~Loader() = default;  // the thread is told to stop and joined first, being declared last

Batch Loader::make(std::int64_t step) {
  return samples_.batch(sampler_.samples_of(step), options_.seed,
                        static_cast<std::uint64_t>(sampler_.epoch_of(step)));
}

Batch Loader::next() {
  if (step_ >= options_.last) throw core::Error("the loader has no further batch");
  ++step_;
  if (options_.prefetch == 0) return make(step_ - 1);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !ready_.empty() || failure_; });
  if (ready_.empty()) std::rethrow_exception(failure_);
  Batch batch = std::move(ready_.front());
  ready_.pop_front();
  changed_.notify_all();
  return batch;
}

void Loader::run(const std::stop_token& stop) {
  try {
    for (std::int64_t step = options_.first; step < options_.last; ++step) {
      if (stop.stop_requested()) return;
      Batch batch = make(step);
      std::unique_lock lock(mutex_);
      const auto has_room = [this] {
        return static_cast<std::int64_t>(ready_.size()) < options_.prefetch;
      };
      if (!changed_.wait(lock, stop, has_room)) return;
      ready_.push_back(std::move(batch));
      changed_.notify_all();
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
    changed_.notify_all();
  }
}

}  // namespace pcnet::data
