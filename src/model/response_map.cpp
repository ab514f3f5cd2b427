#include "pcnet/model/response_map.h"

#include <torch/types.h>

namespace pcnet::model {

at::Tensor all_pairs_cosine(const at::Tensor& visual, const at::Tensor& text) {
  const at::Tensor cells = visual.flatten(/*start_dim=*/2);  // [B, C, P]
  return at::matmul(text, cells)
      .view({visual.size(0), text.size(0), visual.size(2), visual.size(3)});
}

at::Tensor own_picture_cosine(const at::Tensor& visual, const at::Tensor& text,
                              const at::Tensor& picture) {
  const at::Tensor cells = visual.flatten(/*start_dim=*/2).index_select(/*dim=*/0, picture);
  return at::bmm(text.unsqueeze(/*dim=*/1), cells)
      .view({text.size(0), visual.size(2), visual.size(3)});
}

at::Tensor response(const at::Tensor& cosine) { return at::relu(cosine); }

at::Tensor resize_to_picture(const at::Tensor& maps, std::int64_t height, std::int64_t width,
                             bool align_corners) {
  return at::upsample_bilinear2d(maps.unsqueeze(/*dim=*/1), {height, width}, align_corners)
      .squeeze(/*dim=*/1);
}

}  // namespace pcnet::model
