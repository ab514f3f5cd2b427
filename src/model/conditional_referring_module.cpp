#include "pcnet/model/conditional_referring_module.h"

#include <cmath>

#include "pcnet/config/validate.h"
#include "pcnet/model/response_map.h"

namespace pcnet::model {

namespace {

at::Tensor joined(const at::Tensor& left, const at::Tensor& right) {
  return right.size(1) == 0 ? left : at::cat({left, right}, /*dim=*/1);
}

/// The inverse of with_whole_batch(): [n, B + D, C] -> [n, 1 + D, C].
at::Tensor own_rows(const at::Tensor& rows, const core::BatchShare& share) {
  const std::int64_t samples = share.whole(rows.size(0));
  const at::Tensor first = share.diagonal(rows.slice(/*dim=*/1, 0, samples));  // [n, C]
  return joined(first.unsqueeze(/*dim=*/1), rows.slice(/*dim=*/1, samples));
}

/// Which cues of with_whole_batch() a text looks at, [n, 1 + D, B + D]: the sample's text at those
/// of all samples, a partner at its own and, in the place of its sample's, at none.
at::Tensor visible_cues(std::int64_t pictures, std::int64_t partners, const at::Device& device,
                        const core::BatchShare& share) {
  if (partners == 0) return {};  // everything
  const std::int64_t whole = share.whole(pictures);
  const at::TensorOptions kind = at::TensorOptions(at::kBool).device(device);
  const at::Tensor others = share.of(at::eye(whole, kind).logical_not());  // [n, B]
  const at::Tensor samples =
      at::cat({at::ones({pictures, 1, whole}, kind),
               others.unsqueeze(/*dim=*/1).expand({pictures, partners, whole})},
              /*dim=*/1);
  const at::Tensor own = at::cat({at::zeros({1, partners}, kind), at::eye(partners, kind)});
  return at::cat({samples, own.expand({pictures, 1 + partners, partners})}, /*dim=*/2);
}

}  // namespace

at::Tensor with_whole_batch(const at::Tensor& own, const core::BatchShare& share) {
  const at::Tensor samples = share.gathered(own.select(/*dim=*/1, /*index=*/0));  // [B, C]
  return joined(samples.expand({own.size(0), -1, -1}), own.slice(/*dim=*/1, /*start=*/1));
}

at::Tensor all_texts(const at::Tensor& own, const core::BatchShare& share) {
  return share.gathered(own).transpose(0, 1).flatten(0, 1);
}

ConditionalReferringModuleImpl::ConditionalReferringModuleImpl(
    std::int64_t width, const config::ReferringOptions& referring)
    : options(referring), strategy_(strategy_of(referring.modulation)) {
  config::validate(options);
  make_attentions(width);
  if (options.train_residual_scale) {
    residual_scale_ = register_parameter("residual_scale", torch::full({}, options.residual_scale));
  }
  if (options.visual_update == "gated") {
    visual_gate_ = register_parameter("visual_gate", torch::zeros({}));
  }
}

ConditionalReferringModuleImpl::Strategy ConditionalReferringModuleImpl::strategy_of(
    config::Modulation modulation) {
  switch (modulation) {
    case config::Modulation::kAdd:
      return {.vision_to_text = false, .text_to_text = false, .cue = true};
    case config::Modulation::kTta:
      return {.vision_to_text = false, .text_to_text = true, .cue = false};
    case config::Modulation::kVtaAdd:
      return {.vision_to_text = true, .text_to_text = false, .cue = true};
    case config::Modulation::kVtaTta:
      return {.vision_to_text = true, .text_to_text = true, .cue = false};
    case config::Modulation::kVtaTtaAdd:
      break;
  }
  return {.vision_to_text = true, .text_to_text = true, .cue = true};
}

bool ConditionalReferringModuleImpl::looks_at_batch() const {
  return strategy_.text_to_text && (options.context == "batch" || options.context == "shared");
}

bool ConditionalReferringModuleImpl::looks_at_partners() const {
  return options.partner_context && (options.context == "batch" || options.context == "shared");
}

void ConditionalReferringModuleImpl::make_attentions(std::int64_t width) {
  const double input_scale = options.scaled_inputs ? std::sqrt(static_cast<double>(width)) : 1.0;
  if (options.projections == "shared") {
    vision_to_text_ = CrossAttention(width, AttentionUses::all(), input_scale);
    // The projections are the stage's own children, as in the released checkpoints.
    for (const auto& child : vision_to_text_->named_children()) {
      register_module(child.key(), child.value());
    }
    text_to_text_ = text_to_vision_ = response_text_ = vision_to_text_;
    return;
  }
  const auto attention = [&](const char* name, const AttentionUses& uses) {
    return register_module(name, CrossAttention(width, uses, input_scale));
  };
  if (strategy_.vision_to_text) {
    vision_to_text_ = attention("vision_to_text", {.vision_to_text = true});
  }
  if (strategy_.text_to_text) {
    text_to_text_ = attention("text_to_text", {.text_to_text = looks_at_batch(), .one_text = true});
  }
  if (options.visual_update != "off") {
    text_to_vision_ = attention("text_to_vision", {.text_to_vision = true});
  }
  if (options.response_text == "vision_updated") {
    response_text_ = attention("response_text", {.vision_to_text = true});
  }
}

StageOutput ConditionalReferringModuleImpl::forward(const at::Tensor& visual,
                                                    const at::Tensor& texts, const at::Tensor& cues,
                                                    const core::BatchShare& share) {
  const at::Tensor cells = at_entry(visual, /*dim=*/1);
  const VisualMemories memories = memories_of(cells);
  const at::Tensor after = modulated(texts, cues, memories, looks_at_batch() ? &share : nullptr);
  const at::Tensor scored =
      options.context == "pair" ? after : with_whole_batch(after, share);  // [n, B + D, C]
  const at::Tensor seen = looks_at_partners()
                              ? all_texts(after, share).expand({visual.size(0), -1, -1})
                              : scored.slice(/*dim=*/1, 0, share.whole(visual.size(0)));
  const at::Tensor next = options.visual_update == "off"
                              ? cells
                              : updated(cells, text_to_vision_->text_to_vision(cells, seen));
  return {next, after, compared(next, scored, memories)};
}

StageOutput ConditionalReferringModuleImpl::respond(const at::Tensor& visual,
                                                    const at::Tensor& texts, const at::Tensor& cues,
                                                    const VisualMemories& memories) {
  const at::Tensor after = modulated(texts, cues, memories, /*share=*/nullptr);
  const at::Tensor next = next_visual(visual);
  return {next, after, compared(next, after, memories)};
}

at::Tensor ConditionalReferringModuleImpl::next_visual(const at::Tensor& visual) {
  const at::Tensor cells = at_entry(visual, /*dim=*/1);
  return options.visual_update == "off" ? cells
                                        : updated(cells, text_to_vision_->only_text_to_vision());
}

VisualMemories ConditionalReferringModuleImpl::memories_of(const at::Tensor& cells) {
  VisualMemories memories;
  if (strategy_.vision_to_text) memories.push_back(vision_to_text_->look_at(cells));
  if (options.response_text != "vision_updated") return memories;
  const bool same = strategy_.vision_to_text && response_text_.ptr() == vision_to_text_.ptr();
  if (!same) memories.push_back(response_text_->look_at(cells));
  return memories;
}

at::Tensor ConditionalReferringModuleImpl::modulated(const at::Tensor& texts,
                                                     const at::Tensor& cues,
                                                     const VisualMemories& memories,
                                                     const core::BatchShare* share) {
  const at::Tensor before = at_entry(texts, /*dim=*/-1);
  const Cues seen = attended(cues, memories, share);
  at::Tensor after = before;
  if (strategy_.text_to_text) {
    after = after + residual(share != nullptr ? seen_in_batch(before, seen.context, *share)
                                              : text_to_text_->one_text(seen.own));
  }
  if (strategy_.cue) after = after + seen.own * options.cue_scale;
  return at_entry(after, /*dim=*/-1);
}

ConditionalReferringModuleImpl::Cues ConditionalReferringModuleImpl::attended(
    const at::Tensor& cues, const VisualMemories& memories, const core::BatchShare* share) {
  const auto look = [&](const at::Tensor& cue) {
    if (!strategy_.vision_to_text) return cue;
    const at::Tensor seen = vision_to_text_->vision_to_text(cue, memories.front());
    return options.cue_residual ? cue + residual(seen) : seen;
  };
  if (share == nullptr) return {look(cues), {}};
  if (options.context == "shared") {
    const at::Tensor own = look(cues);
    if (!looks_at_partners()) return {own, with_whole_batch(own, *share)};
    const at::Tensor all = all_texts(own, *share);
    return {own, options.context_keys == "reshaped" ? all : all.expand({cues.size(0), -1, -1})};
  }
  if (looks_at_partners()) {
    const at::Tensor own = strategy_.cue ? look(cues) : at::Tensor();
    return {own, look(all_texts(cues, *share).expand({cues.size(0), -1, -1}))};
  }
  const at::Tensor context = look(with_whole_batch(cues, *share));
  return {strategy_.cue ? own_rows(context, *share) : at::Tensor(), context};
}

at::Tensor ConditionalReferringModuleImpl::seen_in_batch(const at::Tensor& texts,
                                                         const at::Tensor& context,
                                                         const core::BatchShare& share) {
  if (options.context_keys ==
      "reshaped") {  // which context a text gets, its place in the batch says
    return share.of(text_to_text_->text_to_reshaped(share.gathered(texts), context));
  }
  const at::Tensor visible =
      looks_at_partners() ? at::Tensor()
                          : visible_cues(texts.size(0), texts.size(1) - 1, texts.device(), share);
  return text_to_text_->text_to_text(texts, context, visible);
}

at::Tensor ConditionalReferringModuleImpl::updated(const at::Tensor& visual,
                                                   const at::Tensor& update) const {
  return visual + (visual_gate_.defined() ? update * visual_gate_ : residual(update));
}

at::Tensor ConditionalReferringModuleImpl::compared(const at::Tensor& visual,
                                                    const at::Tensor& texts,
                                                    const VisualMemories& memories) {
  at::Tensor seen = texts;
  if (options.response_text == "vision_updated") {
    seen = texts + residual(response_text_->vision_to_text(texts, memories.back()));
  }
  if (options.response == "inner_product") return cell_products(visual, seen);
  return cell_products(unit(visual, /*dim=*/1), unit(seen, /*dim=*/-1));
}

at::Tensor ConditionalReferringModuleImpl::residual(const at::Tensor& attended) const {
  return residual_scale_.defined() ? attended * residual_scale_ : attended * options.residual_scale;
}

at::Tensor ConditionalReferringModuleImpl::at_entry(const at::Tensor& x, std::int64_t dim) const {
  return options.unit_inputs ? unit(x, dim) : x;
}

}  // namespace pcnet::model
