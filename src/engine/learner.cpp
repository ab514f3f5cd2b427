#include "pcnet/engine/learner.h"

#include <span>

#include "pcnet/core/error.h"
#include "pcnet/core/profile.h"
#include "pcnet/core/random.h"
#include "pcnet/losses/calibration.h"
#include "pcnet/losses/classification.h"
#include "pcnet/losses/contrastive.h"
#include "pcnet/losses/criterion.h"
#include "pcnet/model/response_map.h"

namespace pcnet::engine {

losses::Terms ContrastiveLearner::losses(const data::Batch& batch, const StepPlace& place) {
  const auto& share = batch.share;
  const at::Tensor visual = encoding_.images(*model_, batch.images, share);  // [n, C, h, w]
  const at::Tensor text = encoding_.texts(*model_, batch.tokens, share);     // [U, C]
  at::Tensor logits;
  at::Tensor scores;  // [B, U]
  {
    const core::PartScope part(model::kCellsAndTexts);
    logits = model::all_pairs_cosine(visual, text * model_->scale());
    scores = share.together(losses::log_sum_exp_scores(logits));
  }
  losses::Terms terms;
  const auto add = [&](const char* name, double weight, const auto& loss) {
    const core::PartScope part(name);
    terms.add(name, weight, loss());
  };
  const auto& options = options_.contrastive;
  add("contrastive", options.weight,
      [&] { return losses::contrastive_loss(scores, batch.text_index); });
  if (options.mirrored > 0) {
    add("mirrored", losses::ramped_weight(options.mirrored, options.mirrored_ramp, place.progress),
        [&] { return losses::mirrored_loss(scores, batch.text_index, batch.mirrored_index); });
  }
  if (options.classification > 0) {
    add("classification", options.classification, [&] {
      const std::int64_t slots = batch.text_index.size(1);
      // Gathered once: each gathering has a gradient of the size of all logits.
      const at::Tensor texts = batch.text_index.t().reshape({-1});  // [slots B]
      at::Tensor sum = at::zeros({}, logits.options());
      for (const at::Tensor& own :
           logits.index_select(/*dim=*/1, texts).chunk(slots, /*dim=*/1)) {  // [n, B, h, w]
        sum = sum + losses::classification_loss(own, options_.classification, share);
      }
      return sum / static_cast<double>(slots);
    });
  }
  return terms;
}

namespace {

/// The sample's first text, then its partners: [B, 1 + D, ..]. Partners may be undefined.
at::Tensor with_partners(const at::Tensor& texts, const at::Tensor& partners) {
  const at::Tensor own = texts.slice(/*dim=*/1, 0, 1);
  return partners.defined() ? at::cat({own, partners}, /*dim=*/1) : own;
}

/// The expressions of the own pictures out of the features [U, C] of the batch's distinct texts;
/// partners only when something looks at them.
model::Expressions expressions_of(const data::Batch& batch, const at::Tensor& distinct,
                                  bool partners) {
  const auto rows = [&](const at::Tensor& own, const at::Tensor& further) {
    return with_partners(batch.share.of(own), partners ? batch.share.of(further) : at::Tensor());
  };
  const at::Tensor texts = rows(batch.text_index, batch.partner_index);
  if (batch.cue_index.defined() && batch.cue_index.size(2) > 0) {
    return model::gather_expressions(distinct, texts,
                                     rows(batch.cue_index, batch.partner_cue_index));
  }
  return {distinct.index_select(/*dim=*/0, texts.flatten())
              .view({texts.size(0), texts.size(1), distinct.size(1)})};
}

/// Texts that do not describe a picture's target.
struct NegativeTexts {
  at::Tensor rows;    // [B, K], rows of the batch's tokens
  at::Tensor counts;  // [B, K] bool
};

/// As in TRIS: sentences of other objects of the picture; where it has none, that of another
/// sample, unless it is the same one.
NegativeTexts negatives_of(const data::Batch& batch) {
  const at::Tensor own = batch.text_index.slice(/*dim=*/1, 0, 1);   // [B, 1]
  const at::Tensor next = own.roll(/*shifts=*/{-1}, /*dims=*/{0});  // [B, 1]
  const at::Tensor differs = next.ne(own);
  if (!batch.partner_index.defined() || batch.partner_index.size(1) == 0) return {next, differs};
  const at::Tensor alone = batch.has_partner.any(/*dim=*/1, /*keepdim=*/true).logical_not();
  return {at::cat({batch.partner_index, next}, /*dim=*/1),
          at::cat({batch.has_partner, differs.logical_and(alone)}, /*dim=*/1)};
}

}  // namespace

bool asks_frozen_clip(const losses::Needs& needs, bool has_clip_scores) {
  return needs.calibration || (needs.clip_scores && !has_clip_scores);
}

losses::Terms ReferringLearner::losses(const data::Batch& batch, const StepPlace& place) {
  const auto& share = batch.share;
  const at::Tensor visual = encoding_.images(*model_, batch.images, share);   // [n, C, h, w]
  const at::Tensor distinct = encoding_.texts(*model_, batch.tokens, share);  // [U, C]
  losses::StepView view;
  const bool partners = criterion_.needs().partners;
  const bool fed = partners || model_->looks_at_partners();
  for (auto& stage : model_->answer_batch(visual, expressions_of(batch, distinct, fed), share)) {
    view.logits.push_back(std::move(stage.samples));
    if (partners) view.partner.push_back(std::move(stage.partners));
  }
  view.share = share;
  view.has_partner = share.of(batch.has_partner);
  view.proposals = batch.proposals;
  view.draw = core::Rng({seed_, static_cast<std::uint64_t>(place.step)}).uniform();
  view.clip_scores = batch.clip_scores;
  view.image_side = batch.images.size(/*dim=*/2);
  if (asks_frozen_clip(criterion_.needs(), batch.clip_scores.defined())) {
    ask_frozen_clip(batch, view);
  }
  return criterion_(view, place.progress);
}

void ReferringLearner::ask_frozen_clip(const data::Batch& batch, losses::StepView& view) {
  const core::PartScope part("frozen CLIP");
  if (!frozen_) throw core::Error("calibration and clip_score ask a frozen CLIP: got none");
  if (criterion_.needs().calibration) view.calibration = calibration_scores(batch, view.logits);
  if (criterion_.needs().clip_scores && !view.clip_scores.defined()) {
    const at::Tensor sentences =
        clip_texts(batch, batch.share.of(batch.text_index.slice(/*dim=*/1, 0, 1)));
    view.clip_scores =
        frozen_->proposal_scores(batch.images, batch.proposals, sentences.select(/*dim=*/1, 0));
  }
}

losses::CalibrationScores ReferringLearner::calibration_scores(
    const data::Batch& batch, const std::vector<at::Tensor>& logits) {
  const bool all = calibration_.stages == config::TermStages::kAll;
  const std::span<const at::Tensor> stages =
      all ? std::span(logits) : std::span(logits).last(/*count=*/1);
  const auto [negative, counts] = negatives_of(batch);
  std::vector<at::Tensor> rows;  // each stage's text, then the negatives
  for (std::size_t n = 0; n < stages.size(); ++n) {
    const std::int64_t cue = all ? model_->cue_of_stage(static_cast<std::int64_t>(n)) : -1;
    rows.push_back(cue < 0 ? batch.text_index.slice(/*dim=*/1, 0, 1)
                           : batch.cue_index.select(/*dim=*/1, 0).narrow(/*dim=*/1, cue, 1));
  }
  rows.push_back(negative);
  // [n, stages + K, C]
  const at::Tensor texts = clip_texts(batch, batch.share.of(at::cat(rows, /*dim=*/1)));
  const auto count = static_cast<std::int64_t>(stages.size());
  std::vector<at::Tensor> own;
  std::vector<at::Tensor> other;
  for (std::int64_t n = 0; n < count; ++n) {
    const at::Tensor maps = batch.share.diagonal(stages[static_cast<std::size_t>(n)]);
    const at::Tensor scores = batch.share.together(frozen_->masked_scores(
        batch.images,
        losses::calibration_mask(maps, batch.images.sizes().slice(/*N=*/2), calibration_),
        at::cat({texts.narrow(/*dim=*/1, n, 1), texts.slice(/*dim=*/1, count)},
                /*dim=*/1)));  // [B, 1 + K]
    own.push_back(scores.select(/*dim=*/1, 0));
    other.push_back(scores.slice(/*dim=*/1, 1));
  }
  return {at::cat(own), at::cat(other), counts.repeat({count, 1})};
}

at::Tensor ReferringLearner::clip_texts(const data::Batch& batch, const at::Tensor& rows) {
  const at::Tensor tokens =
      batch.tokens.index_select(/*dim=*/0, rows.flatten().to(batch.tokens.device()));
  return frozen_->encode_texts(tokens).view({rows.size(0), rows.size(1), -1});
}

}  // namespace pcnet::engine
