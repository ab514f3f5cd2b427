#pragma once

#include <ATen/core/Tensor.h>

#include "pcnet/core/made_from.h"

namespace pcnet::core {

/// A linear layer in evaluation and without gradients, whose weights lie in memory as oneDNN's
/// products of few rows want them: LibTorch's lay them out anew for every product, which takes
/// longer than the product itself. They are packed at the first call, and anew once weight or bias
/// has been written or exchanged, or x has another type, in which all is computed. Where oneDNN
/// does not compute, it is LibTorch's layer. Several threads may call it.
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

  /// Whether oneDNN computes it for x.
  static bool packs(const at::Tensor& x);
  /// x [.., in] -> [.., out]
  at::Tensor plain(const at::Tensor& x);
  /// The same + other [.., out]
  at::Tensor add(const at::Tensor& x, const at::Tensor& other);
  /// y sigmoid(y) of what plain() gives
  at::Tensor silu(const at::Tensor& x);
  /// Frees what was packed.
  void forget() { ready_.forget(); }

 private:
  struct Ready {
    at::Tensor weight, bias;
  };
  /// In a type, as it is packed.
  Ready scaled(c10::ScalarType type) const;
  Ready ready(const at::Tensor& x);
  at::Tensor product(const at::Tensor& x, const char* activation);
  at::Tensor unpacked(const at::Tensor& x) const;

  at::Tensor weight_, bias_;
  Factors factors_;
  MadeFrom<Ready> ready_;
};

}  // namespace pcnet::core
