#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "pcnet/data/batches/sampler.h"
#include "pcnet/data/batches/samples.h"

namespace pcnet::data {

/// Makes the batches of steps [first, last) in order, up to `prefetch` ahead on threads of its own.
/// The batch of a step is the same wherever the loader starts and however many threads it has.
class Loader {
 public:
  struct Options {
    std::int64_t batch_size;
    std::uint64_t seed;
    std::int64_t first;  ///< step to begin with (a resumed run)
    std::int64_t last;
    std::int64_t prefetch;     ///< 0: made when asked for
    std::int64_t workers = 1;  ///< threads; 0: made when asked for
    bool pinned = false;       ///< pictures in page-locked memory
    config::Choice<config::Negatives> negatives = "any";
    /// Processes that share each batch; null: this one has it all.
    std::shared_ptr<core::Communicator> team = nullptr;
  };

  /// Warns when `negatives` asks for more than the batches can give.
  Loader(Samples& samples, const Options& options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// The next step's batch. An error while making it is thrown here, and again when asked again.
  Batch next();

 private:
  Batch take();
  Batch make(std::int64_t step);
  void run(const std::stop_token& stop);
  /// The step that a worker makes next, -1: nothing is left. Waits until there is room for it.
  std::int64_t take_step(const std::stop_token& stop);
  void put(std::int64_t step, std::variant<Batch, std::exception_ptr> made);

  Samples& samples_;
  Options options_;
  EpochSampler sampler_;
  std::int64_t step_;   // the next one asked for
  std::int64_t taken_;  // the next one no worker has begun
  std::mutex mutex_;
  std::mutex sampler_mutex_;
  std::condition_variable_any changed_;
  std::map<std::int64_t, std::variant<Batch, std::exception_ptr>> ready_;
  std::vector<std::jthread> threads_;
};

}  // namespace pcnet::data
