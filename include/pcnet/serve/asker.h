#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

#include <ATen/core/Tensor.h>

#include "pcnet/engine/responder.h"
#include "pcnet/serve/figures.h"

namespace pcnet::serve {

using Deadline = std::chrono::steady_clock::time_point;

/// Asks the model on a thread of its own about what has gathered meanwhile: requests that come
/// together are one batch, one that comes alone does not wait.
class Asker {
 public:
  struct Answer {
    model::Seen seen;    ///< the picture's row of what the model makes of it
    at::Tensor cosines;  ///< [N, M, h, w]
  };

  /// @param most_images of a batch
  Asker(const engine::ModelResponder& responder, std::int64_t most_images, Figures& figures);
  ~Asker();
  Asker(const Asker&) = delete;
  Asker& operator=(const Asker&) = delete;

  /// Waits for the answer. A request whose neighbours in the batch fail is asked again alone.
  /// @param seen of the query's picture, where it was kept; empty: it is encoded
  /// HttpError 503 when the deadline passes first.
  Answer ask(engine::Query query, model::Seen seen, Deadline deadline);

 private:
  struct Job {
    engine::Query query;
    model::Seen seen;
    Deadline deadline;
    std::promise<Answer> answer;
  };
  using Batch = std::deque<std::unique_ptr<Job>>;

  void work();
  Batch take();  // with the mutex held
  void answer(Batch batch);
  static model::Seen seen_together(const Batch& batch);
  void answer_together(Batch& batch);

  const engine::ModelResponder& responder_;
  std::int64_t most_images_;
  Figures& figures_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Batch waiting_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace pcnet::serve
