#include "pcnet/engine/optimizer.h"

#include <cmath>
#include <optional>

#include <torch/torch.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::engine {

namespace {

/// A tensor that is undefined is none.
std::optional<at::Tensor> given(const at::Tensor& tensor) {
  return tensor.defined() ? std::optional(tensor) : std::nullopt;
}

}  // namespace

std::vector<ParameterGroup> without_decay_of_norms(const std::vector<ParameterGroup>& groups) {
  std::vector<ParameterGroup> split;
  for (const auto& group : groups) {
    ParameterGroup weights{group.name, group.factor, {}, group.decays};
    ParameterGroup norms{group.name + ", norms and biases", group.factor, {}, /*decays=*/false};
    for (const auto& parameter : group.parameters) {
      (parameter.second.dim() < 2 ? norms : weights).parameters.push_back(parameter);
    }
    for (auto* part : {&weights, &norms}) {
      if (!part->parameters.empty()) split.push_back(std::move(*part));
    }
  }
  return split;
}

AdamW::AdamW(const std::vector<ParameterGroup>& groups, const Options& options)
    : options_(options), given_(groups) {
  for (const auto& group : groups) {
    Group own{group.factor, group.decays ? options.weight_decay : 0, {}};
    for (const auto& [name, parameter] : group.parameters) {
      if (!parameter.requires_grad()) continue;
      const at::Tensor values = parameter.detach();
      own.slots.push_back({name, parameter, at::zeros_like(values), at::zeros_like(values),
                           at::zeros({}, values.options().dtype(at::kFloat))});
    }
    groups_.push_back(std::move(own));
  }
}

void AdamW::zero_grad() {
  for (auto& group : groups_) {
    for (auto& slot : group.slots) slot.parameter.mutable_grad().reset();
  }
}

std::vector<at::Tensor> AdamW::gradients() const {
  std::vector<at::Tensor> gradients;
  for (const auto& group : groups_) {
    for (const auto& slot : group.slots) {
      if (slot.parameter.grad().defined()) gradients.push_back(slot.parameter.grad());
    }
  }
  return gradients;
}

void AdamW::scale_gradients(double factor) {
  const std::vector<at::Tensor> gradients = this->gradients();
  if (!gradients.empty()) at::_foreach_mul_(gradients, factor);
}

at::Tensor AdamW::gradient_norm() const {
  const std::vector<at::Tensor> gradients = this->gradients();
  if (gradients.empty()) throw core::Error("no parameter received a gradient");
  return at::linalg_vector_norm(at::stack(at::_foreach_norm(gradients)));
}

double AdamW::clip_gradients(double max_norm) {
  const auto norm = gradient_norm().item<double>();
  if (max_norm > 0 && norm > max_norm && std::isfinite(norm)) {
    scale_gradients(max_norm / (norm + kBesideTheNorm));
  }
  return norm;
}

void AdamW::step(double learning_rate, const Guard& guard) {
  const torch::NoGradGuard no_grad;
  for (auto& group : groups_) {
    std::vector<at::Tensor> parameters, gradients, averages, squares, steps;
    for (auto& slot : group.slots) {
      at::Tensor gradient = slot.parameter.grad();
      if (!gradient.defined()) continue;
      // The fused kernel walks raw memory: unequal strides would mix elements up without an error.
      if (gradient.strides() != slot.parameter.strides()) {
        gradient = at::empty_like(slot.parameter).copy_(gradient);
      }
      parameters.push_back(slot.parameter);
      gradients.push_back(std::move(gradient));
      averages.push_back(slot.exp_avg);
      squares.push_back(slot.exp_avg_sq);
      steps.push_back(slot.steps);
    }
    if (parameters.empty()) continue;
    if (guard.skip.defined()) {
      at::_foreach_add_(steps, 1 - guard.skip);
    } else {
      at::_foreach_add_(steps, 1);
    }
    at::_fused_adamw_(parameters, gradients, averages, squares, /*max_exp_avg_sqs=*/{}, steps,
                      learning_rate * group.factor, options_.beta1, options_.beta2,
                      group.weight_decay, options_.epsilon, /*amsgrad=*/false,
                      /*maximize=*/false, given(guard.divisor), given(guard.skip));
  }
}

std::map<std::string, at::Tensor> AdamW::state() const {
  std::map<std::string, at::Tensor> state;
  for (const auto& group : groups_) {
    for (const auto& slot : group.slots) {
      state["exp_avg." + slot.name] = slot.exp_avg;
      state["exp_avg_sq." + slot.name] = slot.exp_avg_sq;
      state["steps." + slot.name] = slot.steps;
    }
  }
  return state;
}

// It changes the moments, which the compiler does not see.
// NOLINTNEXTLINE(readability-make-member-function-const)
void AdamW::load_state(const std::map<std::string, at::Tensor>& state) {
  const torch::NoGradGuard no_grad;
  for (auto& [name, into] : this->state()) {
    const auto found = state.find(name);
    if (found == state.end()) throw core::Error(core::cat("no optimizer state \"", name, "\""));
    if (found->second.sizes() != into.sizes()) {
      throw core::Error(core::cat("optimizer state \"", name, "\": got ", found->second.sizes(),
                                  ", wanted ", into.sizes()));
    }
    at::Tensor(into).copy_(found->second);
  }
}

}  // namespace pcnet::engine
