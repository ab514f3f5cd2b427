#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <mpi.h>

#include "pcnet/core/communicator.h"

namespace pcnet::distributed {

/// Passes messages between processes by MPI, tensors in the memory of the host. Waiting, it looks
/// after the others, and gives the core away.
class MpiCommunicator : public core::Communicator {
 public:
  /// @param look_after throws when another process has failed
  MpiCommunicator(MPI_Comm world, std::function<void()> look_after);

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void barrier() override;
  void broadcast(const at::Tensor& x) override;
  void all_reduce(const at::Tensor& x, core::Reduction reduction) override;
  std::unique_ptr<Pending> begin_sum(const at::Tensor& x) override;
  at::Tensor all_gather(const at::Tensor& own, const std::vector<std::int64_t>& rows) override;
  std::vector<std::string> all_gather(const std::string& own) override;
  std::vector<std::string> gather(const std::string& own) override;

 private:
  class Reducing;
  std::vector<std::int64_t> lengths_of(const std::string& own);
  void wait(MPI_Request& request);

  MPI_Comm world_;
  MPI_Comm sums_;  // operations that others come between
  std::function<void()> look_after_;
  int rank_ = 0;
  int size_ = 1;
};

}  // namespace pcnet::distributed
