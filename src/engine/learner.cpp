#include "pcnet/engine/learner.h"

#include "pcnet/losses/classification.h"
#include "pcnet/losses/contrastive.h"
#include "pcnet/model/response_map.h"

namespace pcnet::engine {

losses::Terms ContrastiveLearner::losses(const data::Batch& batch) {
  const at::Tensor visual = model_->encode_images(batch.images);  // [B, C, h, w]
  const at::Tensor text = model_->encode_texts(batch.tokens);     // [U, C]
  const at::Tensor logits = model::all_pairs_cosine(visual, text) * model_->scale();
  losses::Terms terms;
  terms.add("contrastive", options_.contrastive.weight,
            losses::contrastive_loss(losses::log_sum_exp_scores(logits), batch.text_index));
  if (options_.contrastive.classification > 0) {
    const std::int64_t slots = batch.text_index.size(1);
    at::Tensor sum = at::zeros({}, logits.options());
    for (std::int64_t slot = 0; slot < slots; ++slot) {
      const at::Tensor texts = batch.text_index.select(/*dim=*/1, slot);  // [B]
      sum = sum + losses::classification_loss(logits.index_select(/*dim=*/1, texts),
                                              options_.classification);
    }
    terms.add("classification", options_.contrastive.classification,
              sum / static_cast<double>(slots));
  }
  return terms;
}

losses::Terms ReferringLearner::losses(const data::Batch& batch) {
  const at::Tensor visual = model_->encode_images(batch.images);   // [B, C, h, w]
  const at::Tensor distinct = model_->encode_texts(batch.tokens);  // [U, C]
  const at::Tensor text =
      distinct.index_select(/*dim=*/0, batch.text_index.select(/*dim=*/1, /*index=*/0));  // [B, C]
  const at::Tensor logits = model::all_pairs_cosine(visual, text) * model_->scale();
  losses::Terms terms;
  terms.add("classification", options_.classification.weight,
            losses::classification_loss(logits, options_.classification));
  return terms;
}

}  // namespace pcnet::engine
