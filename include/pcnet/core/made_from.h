#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
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

/// What was made of tensors, made anew once one of them has been written or exchanged. Several
/// threads may ask for it.
template <class Made>
class MadeFrom {
 public:
  /// @param suits whether what is here serves; @param make () -> Made. What it throws leaves what
  ///   was here.
  template <class Suits, class Make>
  Made get(const std::vector<at::Tensor>& tensors, const Suits& suits, const Make& make) {
    const std::lock_guard lock(*mutex_);
    auto now = stamps_of(tensors);
    if (now == stamps_ && suits(made_)) return made_;
    made_ = make();
    stamps_ = std::move(now);
    return made_;
  }
  /// The same where whatever is here serves.
  template <class Make>
  Made get(const std::vector<at::Tensor>& tensors, const Make& make) {
    return get(
        tensors, [](const Made&) { return true; }, make);
  }
  void forget() {
    const std::lock_guard lock(*mutex_);
    made_ = Made();
    stamps_.clear();
  }

 private:
  std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();
  Made made_;
  std::vector<Stamp> stamps_;  // empty: nothing is made
};

}  // namespace pcnet::core
