#include "pcnet/core/packed_linear.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include <torch/torch.h>

#include "onednn.h"

namespace pcnet::core {

namespace {

using Numbers = c10::List<std::optional<at::Scalar>>;
using Pack = at::Tensor(const at::Tensor& weight, std::optional<std::int64_t> rows);
using Product = at::Tensor(const at::Tensor& x, const at::Tensor& weight,
                           const std::optional<at::Tensor>& bias, std::string_view activation,
                           Numbers, std::optional<std::string_view>);
using ProductAndSum = at::Tensor(const at::Tensor& x, const at::Tensor& other,
                                 const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                                 std::string_view operation);

constexpr std::int64_t kRows = 256;  // the order that is best for so many serves fewer as well

}  // namespace

PackedLinear::PackedLinear(at::Tensor weight, at::Tensor bias)
    : PackedLinear(std::move(weight), std::move(bias), Factors()) {}

PackedLinear::PackedLinear(at::Tensor weight, at::Tensor bias, const Factors& factors)
    : weight_(std::move(weight)), bias_(std::move(bias)), factors_(factors) {}

PackedLinear::Ready PackedLinear::scaled(c10::ScalarType type) const {
  const auto times = [&](const at::Tensor& from, double factor) {
    return (factor == 1 ? from.detach() : from.detach() * factor).to(type);
  };
  return {times(weight_, factors_.weight), times(bias_, factors_.bias)};
}

PackedLinear::Ready PackedLinear::ready(const at::Tensor& x) {
  const auto type = x.scalar_type();
  return ready_.get(
      {weight_, bias_}, [&](const Ready& made) { return type == made.weight.scalar_type(); },
      [&] {
        static const auto pack = operation<Pack>("mkldnn::_reorder_linear_weight");
        const torch::NoGradGuard no_grad;
        Ready made = scaled(type);
        made.weight = pack.call(made.weight, kRows);
        return made;
      });
}

bool PackedLinear::packs(const at::Tensor& x) { return onednn_takes(x); }

at::Tensor PackedLinear::product(const at::Tensor& x, const char* activation) {
  static const auto call = operation<Product>("mkldnn::_linear_pointwise");
  const Ready now = ready(x);
  return call.call(x, now.weight, now.bias, activation, Numbers(), std::nullopt);
}

at::Tensor PackedLinear::unpacked(const at::Tensor& x) const {
  const Ready now = scaled(x.scalar_type());
  return at::linear(x, now.weight, now.bias);
}

at::Tensor PackedLinear::plain(const at::Tensor& x) {
  return packs(x) ? product(x, "none") : unpacked(x);
}

at::Tensor PackedLinear::silu(const at::Tensor& x) {
  return packs(x) ? product(x, "swish") : at::silu(unpacked(x));
}

at::Tensor PackedLinear::add(const at::Tensor& x, const at::Tensor& other) {
  if (!packs(x)) return unpacked(x).add_(other);
  static const auto call = operation<ProductAndSum>("mkldnn::_linear_pointwise", "binary");
  const Ready now = ready(x);
  return call.call(x, other, now.weight, now.bias, "add");
}

}  // namespace pcnet::core
