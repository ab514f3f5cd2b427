#pragma once

#include <map>
#include <vector>

#include <torch/torch.h>

namespace pcnet::engine {

/// A copy of a module's buffers (the running means of batch norm), so that a step that turns out to
/// be bad leaves no trace in them.
class KeptBuffers {
 public:
  explicit KeptBuffers(const torch::nn::Module& module) : module_(module) {}

  /// Copies what the buffers hold now.
  void keep();
  /// Puts back what was kept last; nothing when nothing was.
  void restore();

 private:
  struct Alike {
    std::vector<at::Tensor> buffers;
    std::vector<at::Tensor> kept;
  };
  void gather();

  const torch::nn::Module& module_;
  std::map<at::ScalarType, Alike> alike_;  // of one type: they are copied in one go
};

}  // namespace pcnet::engine
