#pragma once

#include <memory>
#include <mutex>

#include <ATen/core/Tensor.h>

#include "pcnet/core/written.h"

namespace pcnet::core {

/// A linear layer in evaluation and without gradients, whose weights lie in memory as oneDNN's
/// products of few rows want them: LibTorch's lay them out anew for every product, which takes
/// longer than the product itself. They are packed at the first call, and anew once weight or bias
/// has been written or exchanged; where oneDNN does not compute, it is the layer as it is. Several
/// threads may call it.
class PackedLinear {
 public:
  struct Factors {
    double weight = 1;
    double bias = 1;
  };
  PackedLinear() = default;  ///< of nothing, until it is assigned to
  /// weight [out, in], bias [out], each times its factor
  PackedLinear(at::Tensor weight, at::Tensor bias, const Factors& factors);
  PackedLinear(at::Tensor weight, at::Tensor bias);

  /// x [.., in] -> [.., out]
  at::Tensor plain(const at::Tensor& x);
  /// The same + other [.., out]
  at::Tensor add(const at::Tensor& x, const at::Tensor& other);
  /// y sigmoid(y) of what plain() gives
  at::Tensor silu(const at::Tensor& x);
  /// Frees what was packed.
  void forget();

 private:
  struct Ready {
    at::Tensor weight, bias;
  };
  Ready ready(const at::Tensor& x);
  at::Tensor product(const at::Tensor& x, const char* activation);
  at::Tensor unpacked(const at::Tensor& x) const;

  at::Tensor weight_, bias_;
  Factors factors_;
  std::unique_ptr<std::mutex> mutex_;
  Ready ready_;
  Written written_;
};

}  // namespace pcnet::core
