#include "pcnet/engine/ema.h"

#include <algorithm>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::engine {

using core::cat;

namespace {

constexpr const char* kPrefix = "ema.";

}  // namespace

Ema::Ema(const torch::nn::Module& module, double decay) : decay_(decay) {
  for (const auto& item : module.named_parameters()) {
    if (item->requires_grad()) weights_.emplace_back(item.key(), item.value());
  }
  for (const auto& item : module.named_buffers()) {
    if (item->is_floating_point()) weights_.emplace_back(item.key(), item.value());
  }
}

void Ema::update() {
  const torch::NoGradGuard no_grad;
  std::vector<at::Tensor> now;
  now.reserve(weights_.size());
  for (const auto& [name, weight] : weights_) now.push_back(weight.detach());
  if (mean_.empty()) {
    for (const auto& weight : now) mean_.push_back(weight.clone());
    return;
  }
  at::_foreach_lerp_(mean_, now, 1 - decay_);
}

void Ema::swap() {
  for (std::size_t i = 0; i < mean_.size(); ++i) {
    const at::Tensor before = weights_[i].second.detach();
    weights_[i].second.set_data(mean_[i]);
    mean_[i] = before;
  }
}

std::map<std::string, at::Tensor> Ema::state() const {
  std::map<std::string, at::Tensor> state;
  for (std::size_t i = 0; i < mean_.size(); ++i) state[kPrefix + weights_[i].first] = mean_[i];
  return state;
}

void Ema::load_state(const std::map<std::string, at::Tensor>& state) {
  const bool any = std::any_of(state.begin(), state.end(),
                               [](const auto& item) { return item.first.starts_with(kPrefix); });
  mean_.clear();
  if (!any) return;
  for (const auto& [name, weight] : weights_) {
    const auto found = state.find(kPrefix + name);
    if (found == state.end()) throw core::Error(cat("no state \"", kPrefix, name, "\""));
    if (found->second.sizes() != weight.sizes()) {
      throw core::Error(cat("state \"", kPrefix, name, "\": got ", found->second.sizes(),
                            ", wanted ", weight.sizes()));
    }
    mean_.push_back(at::empty_like(weight.detach()).copy_(found->second));
  }
}

}  // namespace pcnet::engine
