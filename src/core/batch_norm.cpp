#include "pcnet/core/batch_norm.h"

namespace pcnet::core {

namespace {

using Norm = std::shared_ptr<torch::nn::BatchNorm2dImpl>;

std::vector<Norm> norms_of(const torch::nn::Module& module) {
  std::vector<Norm> norms;
  for (const auto& child : module.modules(/*include_self=*/false)) {
    auto norm = std::dynamic_pointer_cast<torch::nn::BatchNorm2dImpl>(child);
    if (norm && norm->running_mean.defined()) norms.push_back(std::move(norm));
  }
  return norms;
}

}  // namespace

// The tensors are exchanged, not written back: a graph may hold the originals, and LibTorch would
// refuse its backward pass once they had been written.
StatisticsAside::StatisticsAside(const torch::nn::Module& module) {
  for (const Norm& norm : norms_of(module)) {
    kept_.push_back({norm, norm->running_mean, norm->running_var, norm->num_batches_tracked});
    norm->running_mean = norm->running_mean.clone();
    norm->running_var = norm->running_var.clone();
    norm->num_batches_tracked = norm->num_batches_tracked.clone();
  }
}

StatisticsAside::~StatisticsAside() {
  for (auto& [norm, mean, variance, count] : kept_) {
    norm->running_mean = mean;
    norm->running_var = variance;
    norm->num_batches_tracked = count;
  }
}

StatisticsOfPart::StatisticsOfPart(const torch::nn::Module& module, const BatchPart& part) {
  const auto share = [&](std::int64_t samples) {
    return static_cast<double>(samples) / static_cast<double>(part.whole);
  };
  const double own = share(part.size);
  const double after = share(part.whole - part.before - part.size);
  for (const Norm& norm : norms_of(module)) {
    if (!norm->options.momentum()) continue;  // a mean over all batches has no momentum
    const double momentum = *norm->options.momentum();
    kept_.push_back({norm, momentum, part.before > 0 ? norm->num_batches_tracked : at::Tensor()});
    // The parts after this one shrink what it adds: it is left with momentum * own.
    norm->options.momentum(momentum * own / (1 - momentum * after));
    if (part.before > 0) norm->num_batches_tracked = norm->num_batches_tracked.clone();
  }
}

StatisticsOfPart::~StatisticsOfPart() {
  for (auto& [norm, momentum, count] : kept_) {
    norm->options.momentum(momentum);
    if (count.defined()) norm->num_batches_tracked = count;
  }
}

}  // namespace pcnet::core
