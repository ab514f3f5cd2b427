#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "pcnet/data/samples.h"

namespace pcnet::data {

/// Which samples a step sees: each epoch goes over all samples once in an order of its own; a last,
/// smaller batch is left out (unless there is only that one).
class EpochSampler {
 public:
  EpochSampler(std::int64_t samples, std::int64_t batch_size, std::uint64_t seed);

  std::int64_t steps_per_epoch() const { return steps_per_epoch_; }
  std::int64_t epoch_of(std::int64_t step) const { return step / steps_per_epoch_; }
  /// The samples of step (0, 1, ... over all epochs).
  std::vector<std::size_t> samples_of(std::int64_t step);

 private:
  std::int64_t samples_;
  std::int64_t batch_size_;
  std::uint64_t seed_;
  std::int64_t steps_per_epoch_;
  std::int64_t order_epoch_ = -1;
  std::vector<std::size_t> order_;
};

/// Makes the batches of steps [first, last) in order, up to `prefetch` ahead on a thread of its
/// own. The batch of a step is the same wherever the loader starts.
class Loader {
 public:
  struct Options {
    std::int64_t batch_size;
    std::uint64_t seed;
    std::int64_t first;  ///< step to begin with (a resumed run)
    std::int64_t last;
    std::int64_t prefetch;  ///< 0: made when asked for
  };

  Loader(Samples& samples, const Options& options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// The next step's batch. An error while making it is thrown here.
  Batch next();

 private:
  Batch make(std::int64_t step);
  void run(const std::stop_token& stop);

  Samples& samples_;
  Options options_;
  EpochSampler sampler_;
  std::int64_t step_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Batch> ready_;
  std::exception_ptr failure_;
  std::jthread thread_;
};

}  // namespace pcnet::data
