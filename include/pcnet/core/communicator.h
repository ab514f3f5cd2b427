#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace pcnet::core {

enum class Reduction { kSum, kMaximum };

/// Processes that work on one task, each under a number of its own, and the ways between them. All
/// call the same operations in the same order with tensors of one type; each result has the same
/// bits everywhere. Once another process has failed or died, an operation throws PeerFailure
/// instead of waiting for it.
///
/// This one is a process alone.
class Communicator {
 public:
  /// An operation under way.
  class Pending {
   public:
    virtual ~Pending() = default;
    /// Lets the operation go on without waiting for it.
    virtual void progress() {}
    virtual void wait() {}
  };

  virtual ~Communicator() = default;
  virtual int rank() const { return 0; }
  virtual int size() const { return 1; }
  /// Waits until all have come here.
  virtual void barrier() {}
  /// Copies what process 0 has in `x` to all.
  virtual void broadcast(const at::Tensor& /*x*/) {}
  /// Puts the sum or maximum over the processes in the place of `x`, element by element.
  virtual void all_reduce(const at::Tensor& /*x*/, Reduction /*reduction*/) {}
  /// Begins a sum. Sums that are begun have an order of their own: other operations may come
  /// between them in one process and not in another. Neither `x` nor what it shares memory with may
  /// be touched before it is over.
  virtual std::unique_ptr<Pending> begin_sum(const at::Tensor& /*x*/) {
    return std::make_unique<Pending>();
  }
  /// The rows of all, in the order of the processes: own [rows[rank], ..] -> [sum of rows, ..]
  virtual at::Tensor all_gather(const at::Tensor& own, const std::vector<std::int64_t>& /*rows*/) {
    return own;
  }
  /// What each has to say, in the order of the processes.
  virtual std::vector<std::string> all_gather(const std::string& own) { return {own}; }
  /// The same for process 0 alone; the others get nothing.
  virtual std::vector<std::string> gather(const std::string& own) { return {own}; }
  /// What process 0 has to say.
  std::string from_leader(const std::string& own) {
    return all_gather(leads() ? own : std::string()).front();
  }

  /// Whether nothing needs to be said.
  virtual bool is_alone() const { return size() == 1; }
  /// Whether it is the one that writes files and speaks to people.
  bool leads() const { return rank() == 0; }
  /// The largest of what the processes say, 0 to 255.
  int largest(int own);
  bool any(bool own) { return largest(own ? 1 : 0) != 0; }
};

/// How many of `count` things each of `parts` gets: one after the other, as evenly as can be.
std::vector<std::int64_t> even_shares(std::int64_t count, int parts);

}  // namespace pcnet::core
