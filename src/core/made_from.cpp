#include "pcnet/core/made_from.h"

namespace pcnet::core {

std::vector<Stamp> stamps_of(const std::vector<at::Tensor>& tensors) {
  std::vector<Stamp> stamps;
  for (const at::Tensor& tensor : tensors) {
    stamps.push_back({tensor.storage().getWeakStorageImpl(),
                      tensor.is_inference() ? 0 : static_cast<std::uint32_t>(tensor._version())});
  }
  return stamps;
}

}  // namespace pcnet::core
