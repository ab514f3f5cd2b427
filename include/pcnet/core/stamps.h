#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

namespace pcnet::core {

/// A tensor's storage, in whose place no other comes while this lives, and how often it was
/// written.
struct Stamp {
  c10::weak_intrusive_ptr<c10::StorageImpl> storage;
  std::uint32_t version;
  bool operator==(const Stamp&) const = default;
};

/// Equal for the same tensors while none of them is written or exchanged.
std::vector<Stamp> stamps_of(const std::vector<at::Tensor>& tensors);

}  // namespace pcnet::core
