#include "pcnet/engine/learner.h"

#include "pcnet/core/random.h"
#include "pcnet/losses/classification.h"
#include "pcnet/losses/contrastive.h"
#include "pcnet/model/response_map.h"

namespace pcnet::engine {

losses::Terms ContrastiveLearner::losses(const data::Batch& batch, const StepPlace& /*place*/) {
  const at::Tensor visual = model_->encode_images(batch.images);  // [B, C, h, w]
  const at::Tensor text = model_->encode_texts(batch.tokens);     // [U, C]
  const at::Tensor logits = model::all_pairs_cosine(visual, text) * model_->scale();
  const at::Tensor scores = losses::log_sum_exp_scores(logits);  // [B, U]
  losses::Terms terms;
  terms.add("contrastive", options_.contrastive.weight,
            losses::contrastive_loss(scores, batch.text_index));
  if (options_.contrastive.mirrored > 0) {
    terms.add("mirrored", options_.contrastive.mirrored,
              losses::mirrored_loss(scores, batch.text_index, batch.mirrored_index));
  }
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

namespace {

/// The sample's first text, then its partners: [B, 1 + D, ..]. Partners may be undefined.
at::Tensor with_partners(const at::Tensor& texts, const at::Tensor& partners) {
  const at::Tensor own = texts.slice(/*dim=*/1, 0, 1);
  return partners.defined() ? at::cat({own, partners}, /*dim=*/1) : own;
}

/// The batch's expressions out of the features [U, C] of its distinct texts.
model::Expressions expressions_of(const data::Batch& batch, const at::Tensor& distinct) {
  const at::Tensor texts = with_partners(batch.text_index, batch.partner_index);
  if (batch.cue_index.defined() && batch.cue_index.size(2) > 0) {
    return model::gather_expressions(distinct, texts,
                                     with_partners(batch.cue_index, batch.partner_cue_index));
  }
  return {distinct.index_select(/*dim=*/0, texts.flatten())
              .view({texts.size(0), texts.size(1), distinct.size(1)})};
}

}  // namespace

losses::Terms ReferringLearner::losses(const data::Batch& batch, const StepPlace& place) {
  const at::Tensor visual = model_->encode_images(batch.images);   // [B, C, h, w]
  const at::Tensor distinct = model_->encode_texts(batch.tokens);  // [U, C]
  losses::StepView view;
  for (auto& stage : model_->answer_batch(visual, expressions_of(batch, distinct))) {
    view.logits.push_back(std::move(stage.samples));
    if (criterion_.needs_partners()) view.partner.push_back(std::move(stage.partners));
  }
  view.has_partner = batch.has_partner;
  view.proposals = batch.proposals;
  view.draw = core::Rng({seed_, static_cast<std::uint64_t>(place.step)}).uniform();
  return criterion_(view, place.progress);
}

}  // namespace pcnet::engine
