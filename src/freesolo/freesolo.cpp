#include "pcnet/freesolo/freesolo.h"

#include <algorithm>

#include "pcnet/freesolo/instances.h"
#include "pcnet/image/normalise.h"
#include "pcnet/image/resize.h"

namespace pcnet::freesolo {

FreesoloImpl::FreesoloImpl(const NetworkOptions& options) {
  backbone_ = register_module("backbone", Backbone(options));
  ins_head_ = register_module("ins_head", InstanceHead(options));
  mask_head_ = register_module("mask_head", MaskHead(options));
}

FreesoloImpl::Output FreesoloImpl::forward(const at::Tensor& images) {
  const auto pyramid = backbone_(images);
  return {ins_head_(pyramid), mask_head_(pyramid)};
}

void FreesoloImpl::fold_norms() {
  for (const auto& child : modules(/*include_self=*/false)) {
    if (const auto conv = std::dynamic_pointer_cast<ConvNormImpl>(child)) conv->fold();
  }
}

image::PictureSize input_size(const image::PictureSize& picture, const InputOptions& options) {
  // In detectron2's order of operations: a half is rounded as it does.
  const auto short_side = static_cast<double>(options.shortest_side);
  const auto bound = static_cast<double>(options.longest_side);
  auto height = static_cast<double>(picture.height);
  auto width = static_cast<double>(picture.width);
  const double scale = short_side / std::min(height, width);
  (height < width ? width : height) *= scale;
  (picture.height < picture.width ? height : width) = short_side;
  if (const double longest = std::max(height, width); bound > 0 && longest > bound) {
    height *= bound / longest;
    width *= bound / longest;
  }
  const auto rounded = [](double side) {
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(side + 0.5));
  };
  return {rounded(height), rounded(width)};
}

Input make_input(const image::Picture& picture, const InputOptions& options,
                 const at::TensorOptions& like) {
  const image::PictureSize seen = input_size({picture.height, picture.width}, options);
  const auto missing = [](std::int64_t side) {  // to the next multiple
    return (BackboneImpl::kMultiple - side % BackboneImpl::kMultiple) % BackboneImpl::kMultiple;
  };
  const at::Tensor pixels = image::resize(picture, seen.height, seen.width).unsqueeze(0);
  return {at::constant_pad_nd(image::normalise(pixels, like),
                              {0, missing(seen.width), 0, missing(seen.height)}),
          seen};
}

std::vector<Proposal> propose(Freesolo& network, const image::Picture& picture,
                              const ProposeOptions& options) {
  const torch::NoGradGuard no_grad;
  const Input input = make_input(picture, options.input, network->parameters().front().options());
  return to_proposals(select_instances(network(input.images), options.selection), input.seen,
                      {picture.height, picture.width}, options.selection.mask);
}

}  // namespace pcnet::freesolo
