#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <ATen/core/Tensor.h>
#include <torch/types.h>

#include "pcnet/core/progress.h"
#include "pcnet/weights/weight_file.h"

namespace pcnet::weight_tools {

/// Elements that are converted to double at a time.
inline constexpr std::int64_t kElementsAtATime = 1 << 20;

/// Calls `visit` with the tensor's elements as doubles, a piece at a time, so that a mapped tensor
/// is never whole in memory; then gives its pages back.
template <class Visit>
void visit_numbers(const at::Tensor& tensor, const Visit& visit) {
  const at::Tensor flat = tensor.reshape({-1});
  for (std::int64_t begin = 0; begin < flat.numel(); begin += kElementsAtATime) {
    visit(flat.slice(/*dim=*/0, begin, std::min(begin + kElementsAtATime, flat.numel()))
              .to(at::kDouble));
  }
  weights::release_pages(tensor);
}

/// The same for two tensors of one shape, side by side.
template <class Visit>
void visit_pairs(const at::Tensor& a, const at::Tensor& b, const Visit& visit) {
  const at::Tensor flat_a = a.reshape({-1});
  const at::Tensor flat_b = b.reshape({-1});
  for (std::int64_t begin = 0; begin < flat_a.numel(); begin += kElementsAtATime) {
    const std::int64_t end = std::min(begin + kElementsAtATime, flat_a.numel());
    visit(flat_a.slice(/*dim=*/0, begin, end).to(at::kDouble),
          flat_b.slice(/*dim=*/0, begin, end).to(at::kDouble));
  }
  weights::release_pages(a);
  weights::release_pages(b);
}

/// A progress bar in megabytes, for files that take more than a moment.
class ByteProgress {
 public:
  ByteProgress(std::string what, std::uint64_t total) {
    if (total > kWorthABar) {
      progress_.emplace(std::move(what), static_cast<std::int64_t>(total / kMegabyte), "MB");
    }
  }
  void add(const at::Tensor& tensor) { update(done_ + tensor.nbytes()); }
  /// @param done bytes so far
  void update(std::uint64_t done) {
    done_ = done;
    if (progress_) progress_->update(static_cast<std::int64_t>(done_ / kMegabyte));
  }
  void finish() {
    if (progress_) progress_->finish();
  }

 private:
  static constexpr std::uint64_t kMegabyte = 1'000'000;
  static constexpr std::uint64_t kWorthABar = 256 * kMegabyte;

  std::optional<core::Progress> progress_;
  std::uint64_t done_ = 0;
};

}  // namespace pcnet::weight_tools
