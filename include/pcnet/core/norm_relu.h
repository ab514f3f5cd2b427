#pragma once

#include <memory>

#include <torch/torch.h>

#include "pcnet/core/communicator.h"

namespace pcnet::core {

/// LibTorch's batch norm. With a team it is that of the batch that the processes share: moments,
/// running statistics and gradients are those of one process that has all of it.
class BatchNorm2dImpl : public torch::nn::BatchNorm2dImpl {
 public:
  using torch::nn::BatchNorm2dImpl::BatchNorm2dImpl;

  std::shared_ptr<Communicator> team;  ///< empty: alone
};
TORCH_MODULE(BatchNorm2d);

/// Gives the batch norms inside a module a team (train.sync_batch_norm), or none.
void synchronise_norms(const torch::nn::Module& module, const std::shared_ptr<Communicator>& team);

/// norm(x) of x [B, C, h, w], as the module has it: batch statistics in training, which move the
/// running ones. In training on a processor, for x channels last in fp32 or bf16, sums are taken in
/// double, whatever the threads, and what follows is part of the same passes over memory.
at::Tensor normed(BatchNorm2dImpl& norm, const at::Tensor& x);
/// ReLU(norm(x))
at::Tensor normed_relu(BatchNorm2dImpl& norm, const at::Tensor& x);
/// ReLU(norm(x) + other)
at::Tensor normed_add_relu(BatchNorm2dImpl& norm, const at::Tensor& x, const at::Tensor& other);

}  // namespace pcnet::core
