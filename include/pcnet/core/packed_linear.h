#pragma once

#include <torch/torch.h>

#include "pcnet/core/made_from.h"

namespace pcnet::core {

/// A linear layer's product, whose weights lie in memory, in evaluation, in the order in which few
/// rows want them: LibTorch's product of few rows goes through them at a quarter of the memory's
/// rate. They are packed at the first call, and anew once weight or bias has been written or
/// exchanged. Several threads may call it.
class PackedLinear {
 public:
  /// x [.., in], weight [out, in], bias [out] -> [.., out]. Packed unless `training`, without
  /// gradients and autocast, in float32 on a processor that has what it takes: a row is then the
  /// same bits whatever stands beside it. LibTorch's layer otherwise.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                        bool training);
  /// Frees what was packed.
  void forget() { ready_.forget(); }

 private:
  struct Ready {
    at::Tensor panels, bias;
  };

  MadeFrom<Ready> ready_;
};

/// LibTorch's linear layer, packed in evaluation. Training forgets what was packed.
class LinearImpl : public torch::nn::LinearImpl {
 public:
  LinearImpl(std::int64_t in, std::int64_t out);
  at::Tensor forward(const at::Tensor& x);
  void train(bool on = true) override;

 private:
  PackedLinear packed_;
};
TORCH_MODULE(Linear);

}  // namespace pcnet::core
