#include "support/thread_team.h"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "pcnet/core/error.h"

namespace pcnet::support {

namespace {

/// Where the threads lay down what they say.
struct Table {
  explicit Table(int size) : said(static_cast<std::size_t>(size)), texts(said.size()) {}

  /// All have come here.
  void meet() {
    std::unique_lock lock(mutex);
    const std::int64_t round = rounds;
    if (++waiting == static_cast<int>(said.size())) {
      waiting = 0;
      ++rounds;
      changed.notify_all();
    }
    changed.wait(lock, [&] { return rounds != round || failure; });
    if (rounds == round) throw core::PeerFailure("another thread failed", 1);
  }
  void fail(std::exception_ptr fault) {
    const std::lock_guard lock(mutex);
    if (!failure) failure = std::move(fault);
    changed.notify_all();
  }

  std::vector<at::Tensor> said;
  std::vector<std::string> texts;
  std::mutex mutex;
  std::condition_variable changed;
  int waiting = 0;
  std::int64_t rounds = 0;
  std::exception_ptr failure;
};

class ThreadCommunicator : public core::Communicator {
  /// Is taken when it is waited for.
  class Sum : public Pending {
   public:
    Sum(ThreadCommunicator& team, at::Tensor x) : team_(team), x_(std::move(x)) {}
    void wait() override { team_.all_reduce(x_, core::Reduction::kSum); }

   private:
    ThreadCommunicator& team_;
    at::Tensor x_;
  };

 public:
  ThreadCommunicator(Table& table, int rank) : table_(table), rank_(rank) {}

  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(table_.said.size()); }
  void barrier() override { table_.meet(); }
  void broadcast(const at::Tensor& x) override {
    const auto all = laid_down(x);
    x.copy_(all.front());
  }
  void all_reduce(const at::Tensor& x, core::Reduction reduction) override {
    const auto all = laid_down(x);
    at::Tensor result = all.front().clone();
    for (std::size_t i = 1; i < all.size(); ++i) {
      result = reduction == core::Reduction::kSum ? result + all[i] : at::maximum(result, all[i]);
    }
    x.copy_(result);
  }
  std::unique_ptr<Pending> begin_sum(const at::Tensor& x) override {
    return std::make_unique<Sum>(*this, x);
  }
  at::Tensor all_gather(const at::Tensor& own, const std::vector<std::int64_t>& rows) override {
    if (own.size(0) != rows.at(static_cast<std::size_t>(rank_))) {
      throw core::Error("a gathering of other rows than were told");
    }
    return at::cat(laid_down(own));
  }
  std::vector<std::string> all_gather(const std::string& own) override {
    table_.texts[static_cast<std::size_t>(rank_)] = own;
    table_.meet();
    auto all = table_.texts;
    table_.meet();
    return all;
  }
  std::vector<std::string> gather(const std::string& own) override {
    auto all = all_gather(own);
    if (!leads()) all.clear();
    return all;
  }

 private:
  /// Copies of what all threads laid down.
  std::vector<at::Tensor> laid_down(const at::Tensor& own) {
    table_.said[static_cast<std::size_t>(rank_)] = own.detach().clone();
    table_.meet();
    auto all = table_.said;
    table_.meet();
    return all;
  }

  Table& table_;
  int rank_;
};

}  // namespace

void as_team(int size,
             const std::function<void(const std::shared_ptr<core::Communicator>&)>& work) {
  Table table(size);
  {
    std::vector<std::jthread> threads;
    for (int rank = 0; rank < size; ++rank) {
      threads.emplace_back([&table, &work, rank] {
        try {
          work(std::make_shared<ThreadCommunicator>(table, rank));
        } catch (...) {
          table.fail(std::current_exception());
        }
      });
    }
  }
  if (table.failure) std::rethrow_exception(table.failure);
}

}  // namespace pcnet::support
