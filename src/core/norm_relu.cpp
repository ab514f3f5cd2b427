#include "pcnet/core/norm_relu.h"

#include <memory>
#include <optional>
#include <vector>

#include "norm_passes.h"

namespace pcnet::core {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr const char* kThen = "then";
constexpr const char* kTeam = "team";
constexpr auto kLast = at::MemoryFormat::ChannelsLast;

/// By channel, in a map's place: [C] -> [1, C, 1, 1]
at::Tensor by_channel(const at::Tensor& values) { return values.view({1, -1, 1, 1}); }

/// The type of a sum over x: float, or double for double.
at::ScalarType wide(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

// What norm_passes does, for other tensors -------------------------------------------------------

Moments moments(const at::Tensor& x) {
  if (norm_passes::fit(x)) return norm_passes::moments(x);
  const auto kind = x.options().dtype(at::kDouble).requires_grad(false);
  const std::int64_t numbers = x.numel() / x.size(1);
  const at::Tensor count = at::full({}, static_cast<double>(numbers), kind);
  if (x.numel() == 0) {
    const at::Tensor none = at::zeros({x.size(1)}, kind);
    return {count, none, none};
  }
  const auto [variance, mean] = at::var_mean(x.to(wide(x)), {0, 2, 3}, /*unbiased=*/false);
  return {count, mean.to(at::kDouble), variance.to(at::kDouble)};
}

at::Tensor applied(const at::Tensor& x, const at::Tensor& other, const Affine& norm, Then then) {
  if (norm_passes::fit(x)) return norm_passes::applied(x, other, norm, then);
  const at::Tensor y =
      (x.to(wide(x)) - by_channel(norm.mean)) * by_channel(norm.scale) + by_channel(norm.shift);
  const at::Tensor sum = then == Then::kAddRelu ? y + other : y;
  return (then == Then::kNothing ? sum : at::relu(sum)).to(x.scalar_type());
}

/// The gradient of the norm's own output; with kRelu it is left to norm_passes.
at::Tensor before_relu(const at::Tensor& gradient, const at::Tensor& x, const at::Tensor& y,
                       Then then) {
  if (then == Then::kNothing) return gradient;
  if (!norm_passes::fit(x)) return gradient.masked_fill(y.le(0), 0);
  return then == Then::kAddRelu ? norm_passes::masked(gradient, y) : gradient;
}

at::Tensor gradient_sums(const at::Tensor& gradient, const at::Tensor& x, const Affine& norm,
                         Then then) {
  if (norm_passes::fit(x)) return norm_passes::gradient_sums(gradient, x, norm, then);
  const at::Tensor own = gradient.to(wide(x));
  const at::Tensor centred = x.to(wide(x)) - by_channel(norm.mean);
  return at::stack({own.sum({0, 2, 3}), (own * centred).sum({0, 2, 3})}).to(at::kDouble);
}

at::Tensor gradient_of_x(const at::Tensor& gradient, const at::Tensor& x, const Affine& norm,
                         Then then, const at::Tensor& slope, const at::Tensor& constant) {
  if (norm_passes::fit(x)) {
    return norm_passes::gradient(gradient, x, norm, then, slope, constant);
  }
  const at::Tensor centred = x.to(wide(x)) - by_channel(norm.mean);
  return (by_channel(norm.scale) * gradient + by_channel(slope) * centred + by_channel(constant))
      .to(x.scalar_type());
}

// The batch of all processes ---------------------------------------------------------------------

/// The moments of all processes, in one message.
Moments of_all(const Moments& own, Communicator& team) {
  const std::int64_t channels = own.mean.size(0);
  const at::Tensor said =
      at::cat({own.count.view({1}), own.mean, own.variance}).unsqueeze(/*dim=*/0);
  const at::Tensor all = team.all_gather(
      said, std::vector<std::int64_t>(static_cast<std::size_t>(team.size()), 1));  // [R, 1 + 2C]
  const at::Tensor counts = all.narrow(/*dim=*/1, 0, 1);                           // [R, 1]
  const at::Tensor share = counts / counts.sum();
  const at::Tensor means = all.narrow(/*dim=*/1, 1, channels);
  const at::Tensor variances = all.narrow(/*dim=*/1, 1 + channels, channels);
  const at::Tensor mean = (share * means).sum(/*dim=*/0);
  return {counts.sum(), mean, (share * (variances + (means - mean).square())).sum(/*dim=*/0)};
}

/// As the module does after a batch.
void move_running(torch::nn::BatchNorm2dImpl& norm, const Moments& batch) {
  if (!norm.running_mean.defined()) return;
  const torch::NoGradGuard no_grad;
  norm.num_batches_tracked.add_(1);
  const double share = norm.options.momentum() ? *norm.options.momentum()
                                               : 1 / norm.num_batches_tracked.item<double>();
  const at::ScalarType type = norm.running_mean.scalar_type();
  norm.running_mean.mul_(1 - share).add_(batch.mean.to(type), share);
  const at::Tensor unbiased = batch.variance * (batch.count / (batch.count - 1));
  norm.running_var.mul_(1 - share).add_(unbiased.to(type), share);
}

struct Team : torch::CustomClassHolder {
  std::shared_ptr<Communicator> team;
};

struct NormedThen : torch::autograd::Function<NormedThen> {
  static at::Tensor forward(AutogradContext* context, BatchNorm2dImpl* norm, const at::Tensor& x,
                            const std::optional<at::Tensor>& other, const at::Tensor& weight,
                            const at::Tensor& bias, Then then) {
    Moments batch = moments(x);
    if (norm->team) batch = of_all(batch, *norm->team);
    move_running(*norm, batch);
    const at::Tensor inverse = (batch.variance + norm->options.eps()).rsqrt().to(wide(x));
    const Affine affine{batch.mean.to(wide(x)), inverse * weight, bias};
    at::Tensor y = applied(x, other.value_or(at::Tensor()), affine, then);
    auto team = c10::make_intrusive<Team>();
    team->team = norm->team;
    context->saved_data[kTeam] = c10::IValue::make_capsule(team);
    context->saved_data[kThen] = static_cast<std::int64_t>(then);
    const bool asks_y = then == Then::kAddRelu || (then == Then::kRelu && !norm_passes::fit(x));
    context->save_for_backward(
        {x, affine.mean, inverse, weight, bias, asks_y ? y : at::Tensor(), batch.count});
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& x = saved[0];
    const at::Tensor& inverse = saved[2];
    const Affine affine{saved[1], inverse * saved[3], saved[4]};
    const auto then = static_cast<Then>(context->saved_data[kThen].toInt());
    at::Tensor gradient = gradients.at(0).to(x.scalar_type());
    if (norm_passes::fit(x)) gradient = gradient.contiguous(kLast);
    gradient = before_relu(gradient, x, saved[5], then);
    const at::Tensor own = gradient_sums(gradient, x, affine, then);  // [2, C]
    const at::Tensor bias = own[0].to(wide(x));
    const at::Tensor weight = (own[1] * inverse).to(wide(x));
    const auto capsule = context->saved_data[kTeam].toCapsule();
    const auto& team = static_cast<const Team&>(*capsule).team;
    const at::Tensor sums = team ? own.clone() : own;
    if (team) team->all_reduce(sums, Reduction::kSum);
    const at::Tensor each = affine.scale.to(at::kDouble) / saved[6];
    const at::Tensor slope = (-each * inverse.to(at::kDouble).square() * sums[1]).to(wide(x));
    const at::Tensor constant = (-each * sums[0]).to(wide(x));
    return {{},
            gradient_of_x(gradient, x, affine, then, slope, constant),
            then == Then::kAddRelu ? gradient : at::Tensor(),
            weight,
            bias,
            {}};
  }
};

/// Whether a norm goes by its batch, and is computed here: in passes, or with other processes.
bool is_ours(const BatchNorm2dImpl& norm, const at::Tensor& x) {
  return norm.is_training() && norm.weight.defined() && x.dim() == 4 &&
         norm.weight.scalar_type() == wide(x) && x.size(1) == norm.weight.size(0) &&
         (norm.team || norm_passes::fit(x));
}

at::Tensor by_batch(BatchNorm2dImpl& norm, const at::Tensor& x,
                    const std::optional<at::Tensor>& other, Then then) {
  return NormedThen::apply(&norm, x, other, norm.weight, norm.bias, then);
}

}  // namespace

void synchronise_norms(const torch::nn::Module& module, const std::shared_ptr<Communicator>& team) {
  for (const auto& child : module.modules(/*include_self=*/false)) {
    if (auto* norm = child->as<BatchNorm2dImpl>()) {
      norm->team = team && !team->is_alone() ? team : nullptr;
    }
  }
}

at::Tensor normed(BatchNorm2dImpl& norm, const at::Tensor& x) {
  return is_ours(norm, x) ? by_batch(norm, x, std::nullopt, Then::kNothing) : norm.forward(x);
}

at::Tensor normed_relu(BatchNorm2dImpl& norm, const at::Tensor& x) {
  return is_ours(norm, x) ? by_batch(norm, x, std::nullopt, Then::kRelu) : norm.forward(x).relu_();
}

at::Tensor normed_add_relu(BatchNorm2dImpl& norm, const at::Tensor& x, const at::Tensor& other) {
  const bool alike = other.scalar_type() == x.scalar_type() && other.sizes() == x.sizes();
  const bool in_passes = norm_passes::fit(x) && other.is_contiguous(kLast);
  if (is_ours(norm, x) && alike && in_passes) return by_batch(norm, x, other, Then::kAddRelu);
  return norm.team ? (normed(norm, x) + other).relu_() : (norm.forward(x) + other).relu_();
}

}  // namespace pcnet::core
