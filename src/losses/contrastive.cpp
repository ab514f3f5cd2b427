#include "pcnet/losses/contrastive.h"

#include <torch/torch.h>

#include "map_passes.h"
#include "precision.h"

namespace pcnet::losses {

at::Tensor log_sum_exp_scores(const at::Tensor& logits) {
  const at::Tensor cells = at_least_float(logits).flatten(/*start_dim=*/2);  // [B, M, P]
  return map_passes::fit(cells) ? map_passes::log_sum_exp(cells) : cells.logsumexp(/*dim=*/2);
}

at::Tensor contrastive_loss(const at::Tensor& scores, const at::Tensor& text_index) {
  const std::int64_t pictures = text_index.size(0);
  const std::int64_t slots = text_index.size(1);
  // [slots, B, B]: entry (m, i, j) is picture i against the text of picture j in slot m.
  const at::Tensor by_slot = scores.index_select(/*dim=*/1, text_index.t().reshape({-1}))
                                 .view({pictures, slots, pictures})
                                 .transpose(0, 1);
  const at::Tensor own = by_slot.diagonal(/*offset=*/0, /*dim1=*/1, /*dim2=*/2);  // [slots, B]
  const at::Tensor to_text = by_slot.logsumexp(/*dim=*/2) - own;
  const at::Tensor to_picture = by_slot.logsumexp(/*dim=*/1) - own;
  return (to_text.mean() + to_picture.mean()) / 2;
}

at::Tensor mirrored_loss(const at::Tensor& scores, const at::Tensor& text_index,
                         const at::Tensor& mirrored_index) {
  const at::Tensor has_mirrored = mirrored_index.ge(0);  // [B, M]
  const at::Tensor lead =
      scores.gather(/*dim=*/1, mirrored_index.clamp_min(0)) - scores.gather(/*dim=*/1, text_index);
  const at::Tensor each = at::softplus(lead) * has_mirrored;
  return each.sum() / has_mirrored.sum().clamp_min(1);
}

}  // namespace pcnet::losses
