#include "pcnet/core/written.h"

#include <utility>

namespace pcnet::core {

bool Written::since_last(const std::vector<at::Tensor>& tensors) {
  std::vector<Stamp> now;
  for (const at::Tensor& tensor : tensors) {
    now.push_back({tensor.storage().getWeakStorageImpl(),
                   tensor.is_inference() ? 0 : static_cast<std::uint32_t>(tensor._version())});
  }
  const bool written = now != last_;
  last_ = std::move(now);
  return written;
}

}  // namespace pcnet::core
