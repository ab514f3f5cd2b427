#include "onednn.h"

#include <ATen/Context.h>

namespace pcnet::core {

namespace {

/// Whether oneDNN computes in bf16 here; without AVX-512 it does not.
bool has_wide_bfloat16() {
  static const bool found = operation<bool()>("mkldnn::_is_mkldnn_bf16_supported").call();
  return found;
}

}  // namespace

bool onednn_takes(const at::Tensor& x) {
  const bool known =
      x.scalar_type() == at::kFloat || (x.scalar_type() == at::kBFloat16 && has_wide_bfloat16());
  return x.is_cpu() && known && at::hasMKLDNN() && at::globalContext().userEnabledMkldnn();
}

}  // namespace pcnet::core
