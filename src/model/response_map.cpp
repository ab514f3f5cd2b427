#include "pcnet/model/response_map.h"

#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/types.h>

namespace pcnet::model {

namespace {

constexpr double kLeastLength = 1e-12;  // divides a vector of zeros

// Lengths and similarities are exact whatever the step's arithmetic: 8 binary digits of a cosine
// would decide which cell is the peak, and kLeastLength is no number of fp16. They cost little.
at::Tensor at_least_float(const at::Tensor& x) {
  return at::isReducedFloatingType(x.scalar_type()) ? x.to(at::kFloat) : x;
}

}  // namespace

at::Tensor unit(const at::Tensor& x, std::int64_t dim) {
  const at::Tensor wide = at_least_float(x);
  return wide / wide.norm(/*p=*/2, dim, /*keepdim=*/true).clamp_min(kLeastLength);
}

at::Tensor cell_products(const at::Tensor& visual, const at::Tensor& texts) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  return at::bmm(at_least_float(texts), at_least_float(visual).flatten(/*start_dim=*/2))
      .view({visual.size(0), texts.size(1), visual.size(2), visual.size(3)});
}

at::Tensor all_pairs_cosine(const at::Tensor& visual, const at::Tensor& text) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const at::Tensor cells = at_least_float(visual).flatten(/*start_dim=*/2);  // [B, C, P]
  return at::matmul(at_least_float(text), cells)
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
