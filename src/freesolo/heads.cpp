#include "pcnet/freesolo/heads.h"

#include <algorithm>

#include "pcnet/core/format.h"

namespace pcnet::freesolo {

namespace nn = torch::nn;
using core::cat;

namespace {

constexpr std::int64_t kPlaces = 2;  // channels that with_coordinates adds

at::Tensor resized(const at::Tensor& x, std::int64_t height, std::int64_t width) {
  return at::upsample_bilinear2d(x, {height, width}, /*align_corners=*/false);
}

nn::Conv2dOptions with_padding(std::int64_t in, std::int64_t out, std::int64_t kernel) {
  return nn::Conv2dOptions(in, out, kernel).padding(kernel / 2);
}

/// Appends a convolution without bias, its group norm and a ReLU.
void push(nn::Sequential& layers, std::int64_t in, std::int64_t out, std::int64_t kernel,
          std::int64_t groups) {
  layers->push_back(nn::Conv2d(with_padding(in, out, kernel).bias(false)));
  layers->push_back(nn::GroupNorm(nn::GroupNormOptions(groups, out)));
  layers->push_back(nn::ReLU(nn::ReLUOptions(/*inplace=*/true)));
}

nn::Sequential tower(std::int64_t in, const NetworkOptions& options) {
  nn::Sequential layers;
  for (std::int64_t i = 0; i < options.tower_depth; ++i) {
    push(layers, i == 0 ? in : options.tower_width, options.tower_width, 3, options.groups);
  }
  return layers;
}

}  // namespace

at::Tensor with_coordinates(const at::Tensor& features) {
  const std::int64_t batch = features.size(0);
  const std::int64_t height = features.size(2);
  const std::int64_t width = features.size(3);
  const auto line = [&](std::int64_t steps) {
    return torch::linspace(-1, 1, steps, features.options());
  };
  const at::Tensor x = line(width).expand({batch, 1, height, width});
  const at::Tensor y = line(height).unsqueeze(1).expand({batch, 1, height, width});
  return at::cat({features, x, y}, /*dim=*/1);
}

InstanceHeadImpl::InstanceHeadImpl(const NetworkOptions& options) : grids_(options.grids) {
  cate_tower_ = register_module("cate_tower", tower(options.channels, options));
  kernel_tower_ = register_module("kernel_tower", tower(options.channels + kPlaces, options));
  cate_pred_ = register_module("cate_pred",
                               nn::Conv2d(with_padding(options.tower_width, options.classes, 3)));
  kernel_pred_ = register_module("kernel_pred",
                                 nn::Conv2d(with_padding(options.tower_width, options.kernel, 3)));
}

Cells InstanceHeadImpl::forward(const std::array<at::Tensor, kLevels>& pyramid) {
  auto levels = pyramid;
  // The finest and the coarsest level at the size of their neighbours.
  levels.front() = resized(levels.front(), pyramid[1].size(2), pyramid[1].size(3));
  levels.back() =
      resized(levels.back(), pyramid[kLevels - 2].size(2), pyramid[kLevels - 2].size(3));
  Cells cells;
  for (std::size_t i = 0; i < kLevels; ++i) {
    const at::Tensor placed = resized(with_coordinates(levels[i]), grids_[i], grids_[i]);
    const at::Tensor plain = placed.slice(/*dim=*/1, /*start=*/0, /*end=*/-kPlaces);
    cells.logits[i] = cate_pred_(cate_tower_->forward(plain));
    cells.kernels[i] = kernel_pred_(kernel_tower_->forward(placed));
  }
  return cells;
}

MaskHeadImpl::MaskHeadImpl(const NetworkOptions& options) {
  const auto all = register_module("convs_all_levels", std::make_shared<nn::Module>());
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    const auto level = all->register_module(cat(i), std::make_shared<nn::Module>());
    for (std::size_t j = 0; j < std::max<std::size_t>(1, i); ++j) {
      const std::int64_t places = i + 1 == levels_.size() ? kPlaces : 0;
      nn::Sequential layers;
      push(layers, j == 0 ? options.channels + places : options.mask_width, options.mask_width, 3,
           options.groups);
      levels_[i].push_back(level->register_module(cat("conv", j), layers));
    }
  }
  nn::Sequential last;
  push(last, options.mask_width, options.kernel, 1, options.groups);
  conv_pred_ = register_module("conv_pred", last);
}

at::Tensor MaskHeadImpl::forward(const std::array<at::Tensor, kLevels>& pyramid) {
  at::Tensor sum = levels_[0].front()->forward(pyramid[0]);
  for (std::size_t i = 1; i < levels_.size(); ++i) {
    at::Tensor x = i + 1 == levels_.size() ? with_coordinates(pyramid[i]) : pyramid[i];
    for (auto& layers : levels_[i]) {
      x = layers->forward(x);
      x = resized(x, 2 * x.size(2), 2 * x.size(3));
    }
    sum.add_(x);
  }
  return conv_pred_->forward(sum);
}

}  // namespace pcnet::freesolo
