#include "pcnet/sam/prompt_encoder.h"

#include <numbers>

#include "pcnet/core/error.h"

namespace pcnet::sam {

namespace nn = torch::nn;

std::int64_t Prompts::count() const {
  for (const auto& of : {points, boxes, masks}) {
    if (of.defined()) return of.size(0);
  }
  throw core::Error("no prompt: wanted points, a box or a mask");
}

PromptEncoderImpl::PromptEncoderImpl(std::int64_t side) : side_(side) {
  auto places = std::make_shared<nn::Module>("pe_layer");
  gaussian_ = places->register_buffer("positional_encoding_gaussian_matrix",
                                      torch::randn({2, kFeatures / 2}));
  register_module("pe_layer", places);
  auto points = std::make_shared<nn::Module>("point_embeddings");
  for (std::size_t i = 0; i < point_embeddings_.size(); ++i) {
    point_embeddings_[i] = points->register_module(std::to_string(i), nn::Embedding(1, kFeatures));
  }
  register_module("point_embeddings", points);
  not_a_point_ = register_module("not_a_point_embed", nn::Embedding(1, kFeatures));
  no_mask_ = register_module("no_mask_embed", nn::Embedding(1, kFeatures));
  const auto halved = [](std::int64_t in, std::int64_t out) {
    return nn::Conv2d(nn::Conv2dOptions(in, out, 2).stride(2));
  };
  mask_downscaling_ = register_module(
      "mask_downscaling",
      nn::Sequential(halved(1, 4), LayerNorm2d(4), nn::GELU(), halved(4, 16), LayerNorm2d(16),
                     nn::GELU(), nn::Conv2d(nn::Conv2dOptions(16, kFeatures, 1))));
}

at::Tensor PromptEncoderImpl::code(const at::Tensor& places) {
  // Doubles stay doubles up to here: the mask generator's points are.
  const at::Tensor shares =
      (places + 0.5).div_(static_cast<double>(side_)).to(gaussian_.scalar_type());
  const at::Tensor angles = at::matmul(shares * 2 - 1, gaussian_) * (2 * std::numbers::pi);
  return at::cat({angles.sin(), angles.cos()}, -1);
}

at::Tensor PromptEncoderImpl::embed_points(const at::Tensor& points, const at::Tensor& labels) {
  const at::Tensor is = labels.unsqueeze(-1);
  at::Tensor vectors = at::where(is.eq(-1), not_a_point_->weight, code(points));
  vectors = vectors + is.eq(0) * point_embeddings_[0]->weight;
  return vectors + is.eq(1) * point_embeddings_[1]->weight;
}

at::Tensor PromptEncoderImpl::sparse(const Prompts& prompts) {
  const std::int64_t count = prompts.count();
  std::vector<at::Tensor> parts;
  if (prompts.points.defined()) parts.push_back(embed_points(prompts.points, prompts.labels));
  if (prompts.boxes.defined()) {
    const at::Tensor corners =
        at::cat({point_embeddings_[2]->weight, point_embeddings_[3]->weight});
    parts.push_back(code(prompts.boxes.view({count, 2, 2})) + corners);
  } else if (prompts.points.defined()) {
    parts.push_back(not_a_point_->weight.unsqueeze(0).expand({count, 1, kFeatures}));
  }
  if (parts.empty()) return torch::empty({count, 0, kFeatures}, no_mask_->weight.options());
  return at::cat(parts, 1);
}

at::Tensor PromptEncoderImpl::dense(const Prompts& prompts) {
  if (!prompts.masks.defined()) return no_mask_->weight.view({1, kFeatures, 1, 1});
  return mask_downscaling_->forward(prompts.masks);
}

at::Tensor PromptEncoderImpl::grid_places() {
  const std::int64_t grid = side_ / kStride;
  // The middles of the cells, half a pixel of which code() adds.
  const at::Tensor middles =
      (torch::arange(grid, gaussian_.options()) + 0.5) * static_cast<double>(kStride) - 0.5;
  const auto axes = at::meshgrid({middles, middles}, "ij");
  return code(at::stack({axes[1], axes[0]}, -1)).permute({2, 0, 1});
}

}  // namespace pcnet::sam
