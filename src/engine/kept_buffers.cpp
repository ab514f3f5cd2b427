#include "pcnet/engine/kept_buffers.h"

namespace pcnet::engine {

void KeptBuffers::gather() {
  alike_.clear();
  for (const auto& buffer : module_.buffers()) {
    auto& alike = alike_[buffer.scalar_type()];
    alike.buffers.push_back(buffer);
    alike.kept.push_back(at::empty_like(buffer));
  }
}

void KeptBuffers::keep() {
  const torch::NoGradGuard no_grad;
  // At the first step and not before: the module may be moved to a device until then.
  if (alike_.empty()) gather();
  for (auto& [type, alike] : alike_) at::_foreach_copy_(alike.kept, alike.buffers);
}

void KeptBuffers::restore() {
  const torch::NoGradGuard no_grad;
  for (auto& [type, alike] : alike_) at::_foreach_copy_(alike.buffers, alike.kept);
}

}  // namespace pcnet::engine
