#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <torch/csrc/autograd/variable.h>
#include <torch/torch.h>

#include "pcnet/core/communicator.h"
#include "pcnet/engine/optimizer.h"

namespace pcnet::engine {

/// Sums the gradients of the processes that share a batch. Gradients travel in buckets, in the
/// order in which the first backward pass made them; a bucket is sent as soon as its gradients are
/// there, while the pass goes on. A parameter that has a gradient in any process then has one in
/// all.
class GradientSums {
 public:
  static constexpr std::int64_t kBucketBytes = std::int64_t{25} << 20U;

  /// For a process that is alone it does nothing.
  /// @param team outlives it
  GradientSums(core::Communicator& team, const std::vector<ParameterGroup>& groups,
               std::int64_t bucket_bytes = kBucketBytes);
  ~GradientSums();
  GradientSums(const GradientSums&) = delete;
  GradientSums& operator=(const GradientSums&) = delete;

  /// Before a backward pass.
  void begin();
  /// After it: every gradient is the sum over the processes.
  void finish();

  /// Bytes that a step sends to be summed.
  std::int64_t bytes() const;

 private:
  /// A pointer of the kind that LibTorch's version uses.
  using Accumulator =
      decltype(torch::autograd::impl::grad_accumulator(std::declval<const at::Tensor&>()));
  struct Slot {
    at::Tensor parameter;
    Accumulator accumulator;
    std::uintptr_t hook = 0;
    std::size_t bucket = 0;
    at::Tensor place;  // in the bucket, shaped as the parameter
  };
  struct Bucket {
    std::vector<std::size_t> slots;
    at::Tensor flat;
    std::size_t missing = 0;  // gradients that are to come
    std::unique_ptr<core::Communicator::Pending> pending;
  };
  void arrived(std::size_t slot);
  void send(Bucket& bucket);
  /// The order of arrival in process 0 becomes that of the buckets.
  void make_buckets();
  /// Which slots have a gradient anywhere.
  std::vector<bool> present() const;

  core::Communicator& team_;
  std::int64_t bucket_bytes_;
  std::vector<Slot> slots_;
  std::vector<Bucket> buckets_;  // empty before the first pass
  std::vector<std::size_t> arrivals_;
  std::size_t next_ = 0;  // bucket to send
  bool under_way_ = false;
};

}  // namespace pcnet::engine
