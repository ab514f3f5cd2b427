#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

namespace pcnet::core {

/// Tells whether tensors have been written or exchanged since something was made of them.
class Written {
 public:
  /// Whether they are others than at the last call, or have been written since; so at the first.
  bool since_last(const std::vector<at::Tensor>& tensors);
  void forget() { last_.clear(); }

 private:
  /// A tensor's storage, in whose place no other comes while this lives, and how often it was
  /// written.
  struct Stamp {
    c10::weak_intrusive_ptr<c10::StorageImpl> storage;
    std::uint32_t version;
    bool operator==(const Stamp&) const = default;
  };
  std::vector<Stamp> last_;
};

}  // namespace pcnet::core
