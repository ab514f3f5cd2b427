#include "pcnet/model/response_map.h"

#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/types.h>

namespace pcnet::model {

namespace {

constexpr double kLeastLength = 1e-12;  // divides a vector of zeros

// Similarities have the type of their inputs whatever the step's arithmetic: 8 binary digits of a
// cosine would decide which cell is the peak. They cost little.
using NoAutocast = c10::impl::ExcludeDispatchKeyGuard;

}  // namespace

at::Tensor unit(const at::Tensor& x, std::int64_t dim) {
  // kLeastLength is no number of fp16, and a length may be beyond its largest.
  const at::Tensor wide = at::isReducedFloatingType(x.scalar_type()) ? x.to(at::kFloat) : x;
  const at::Tensor length = wide.norm(/*p=*/2, dim, /*keepdim=*/true);
  return (wide / length.clamp_min(kLeastLength)).to(x.scalar_type());
}

at::Tensor cell_products(const at::Tensor& visual, const at::Tensor& texts) {
  const NoAutocast exact(c10::autocast_dispatch_keyset);
  return at::bmm(texts, visual.flatten(/*start_dim=*/2))
      .view({visual.size(0), texts.size(1), visual.size(2), visual.size(3)});
}

at::Tensor all_pairs_cosine(const at::Tensor& visual, const at::Tensor& text) {
  const NoAutocast exact(c10::autocast_dispatch_keyset);
  const at::Tensor cells = visual.flatten(/*start_dim=*/2);  // [B, C, P]
  return at::matmul(text, cells)
      .view({visual.size(0), text.size(0), visual.size(2), visual.size(3)});
}

at::Tensor response(const at::Tensor& logits) { return at::relu(logits); }

at::Tensor resize_to_picture(const at::Tensor& maps, std::int64_t height, std::int64_t width,
                             bool align_corners) {
  return at::upsample_bilinear2d(maps.unsqueeze(/*dim=*/1), {height, width}, align_corners)
      .squeeze(/*dim=*/1);
}

at::Tensor resize_as_released(const at::Tensor& logits, std::int64_t side, std::int64_t height,
                              std::int64_t width) {
  const at::Tensor square = resize_to_picture(logits, side, side, /*align_corners=*/false);
  return resize_to_picture(response(square), height, width, /*align_corners=*/true);
}

}  // namespace pcnet::model
