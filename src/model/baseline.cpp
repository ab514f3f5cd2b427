#include "pcnet/model/baseline.h"

#include "pcnet/core/profile.h"
#include "pcnet/model/conditional_referring_module.h"
#include "pcnet/model/response_map.h"

#include "texts_by_picture.h"

namespace pcnet::model {

namespace {

constexpr double kResidualScale = 0.1;  // of both updates, fixed in TRIS

}  // namespace

BaselineImpl::BaselineImpl(const config::ModelOptions& model, std::int64_t vocabulary_size)
    : ReferringModel(model, vocabulary_size, {.image = "vis_project", .text = "lan_project"}) {
  if (options.fusion == "attn_fusion") {
    attn_fusion_ =
        register_module("attn_fusion", CrossAttention(options.width, AttentionUses::all()));
  }
}

at::Tensor BaselineImpl::forward(const at::Tensor& visual, const at::Tensor& texts) {
  const at::Tensor everywhere = texts.expand({visual.size(0), -1, -1});  // [B, M, C]
  return compared(
      look(visual), everywhere,
      attn_fusion_.is_empty() ? at::Tensor() : attn_fusion_->text_to_vision(visual, everywhere));
}

std::vector<StageLogits> BaselineImpl::answer_batch(const at::Tensor& visual,
                                                    const Expressions& expressions,
                                                    const core::BatchShare& share) {
  const at::Tensor& own = expressions.texts;  // [B, 1 + D, C]
  if (own.size(1) == 1) {
    const at::Tensor logits = forward(visual, share.gathered(own.select(/*dim=*/1, /*index=*/0)));
    return {{logits, logits.slice(/*dim=*/1, 0, 0)}};
  }
  const at::Tensor texts = with_whole_batch(own, share);  // [n, B + D, C]
  const at::Tensor logits = compared(
      look(visual), texts,
      attn_fusion_.is_empty() ? at::Tensor() : attn_fusion_->text_to_vision(visual, texts));
  const std::int64_t samples = share.whole(own.size(0));
  return {{logits.slice(/*dim=*/1, 0, samples), logits.slice(/*dim=*/1, samples)}};
}

at::Tensor BaselineImpl::respond(const Seen& seen, const Expressions& expressions,
                                 const at::Tensor& picture) {
  const at::Tensor& texts = expressions.texts;
  const TextsByPicture layout(picture, texts.size(0), seen.front().size(0), texts.device());
  const at::Tensor update =
      attn_fusion_.is_empty() ? at::Tensor() : attn_fusion_->only_text_to_vision();
  return layout.in_order(compared(seen, layout.laid_out(texts), update)).unsqueeze(/*dim=*/0);
}

Seen BaselineImpl::look(const at::Tensor& visual) {
  const core::PartScope part(kCellsAndTexts);
  if (attn_fusion_.is_empty()) return {visual};
  const VisualMemory memory = attn_fusion_->look_at(visual);
  return {visual, memory.keys, memory.values};
}

at::Tensor BaselineImpl::compared(const Seen& pictures, const at::Tensor& texts,
                                  const at::Tensor& update) {
  const core::PartScope part(kCellsAndTexts);
  const at::Tensor& visual = pictures.front();
  if (attn_fusion_.is_empty()) return cell_products(visual, texts) * scale();
  const at::Tensor seen = attn_fusion_->vision_to_text(texts, {pictures.at(1), pictures.at(2)});
  return cell_products(visual + kResidualScale * update, texts + kResidualScale * seen) * scale();
}

}  // namespace pcnet::model
