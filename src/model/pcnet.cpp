#include "pcnet/model/pcnet.h"

#include <algorithm>
#include <cmath>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

#include "projection.h"
#include "texts_by_picture.h"

namespace pcnet::model {

namespace nn = torch::nn;

Expressions gather_expressions(const at::Tensor& distinct, const at::Tensor& text_index,
                               const at::Tensor& cue_index) {
  const auto pick = [&](const at::Tensor& index) {
    std::vector<std::int64_t> shape = index.sizes().vec();
    shape.push_back(distinct.size(1));
    return distinct.index_select(/*dim=*/0, index.flatten()).view(shape);
  };
  return {pick(text_index), pick(cue_index)};
}

PCNetImpl::PCNetImpl(const config::ModelOptions& model,
                     const config::ReferringOptions& referring_options,
                     std::int64_t vocabulary_size)
    : options(model), referring(referring_options) {
  backbone_ = register_module("backbone", clip::Clip(options.clip, vocabulary_size));
  c4_vis_project_ = register_module(
      "c4_vis_project",
      nn::Conv2d(nn::Conv2dOptions(backbone_->visual()->feature_channels(), options.width, 1)));
  global_lan_project_ = register_module("global_lan_project",
                                        nn::Linear(options.clip.text.output_dim, options.width));
  logit_scale_ = register_parameter("logit_scale", torch::tensor(std::log(options.logit_scale)),
                                    options.train_logit_scale);
  auto modules = register_module("attn_fusion_vl", nn::ModuleList());
  for (std::int64_t n = 0; n < std::max(referring.stages, referring.modules); ++n) {
    const ConditionalReferringModule stage(options.width, referring);
    modules->push_back(stage);
    if (n < referring.stages) stages_.push_back(stage);
  }
}

at::Tensor PCNetImpl::encode_images(const at::Tensor& images) {
  return projected_images(backbone_, c4_vis_project_, images);
}

at::Tensor PCNetImpl::encode_texts(const at::Tensor& tokens) {
  return projected_texts(backbone_, global_lan_project_, tokens);
}

std::vector<StageLogits> PCNetImpl::forward(const at::Tensor& visual,
                                            const Expressions& expressions) {
  check(visual, expressions);
  const std::int64_t pictures = visual.size(0);
  if (expressions.texts.dim() != 3 || expressions.texts.size(0) != pictures) {
    throw core::Error(core::cat("texts of ", pictures, " pictures: got ", expressions.texts.sizes(),
                                ", wanted [", pictures, ", 1 + D, ", options.width, "]"));
  }
  const bool pair = referring.context == "pair";
  const auto entered = [&](const at::Tensor& own) { return pair ? with_whole_batch(own) : own; };
  const at::Tensor factor = scale();
  at::Tensor cells = visual;
  at::Tensor texts = entered(expressions.texts);
  std::vector<StageLogits> answers;
  for (std::size_t n = 0; n < stages_.size(); ++n) {
    const StageOutput stage =
        stages_[n]->forward(cells, texts, entered(stage_cues(n, expressions)));
    cells = stage.visual;
    texts = stage.texts;
    const at::Tensor logits = stage.similarity * factor;  // [B, B + D, h, w]
    answers.push_back({logits.slice(/*dim=*/1, 0, pictures), logits.slice(/*dim=*/1, pictures)});
  }
  return answers;
}

at::Tensor PCNetImpl::respond(const at::Tensor& visual, const Expressions& expressions,
                              const at::Tensor& picture) {
  check(visual, expressions);
  const TextsByPicture layout(picture, expressions.texts.size(0), visual.size(0), visual.device());
  at::Tensor cells = visual;
  at::Tensor texts = layout.laid_out(expressions.texts);
  std::vector<at::Tensor> answers;
  for (std::size_t n = 0; n < stages_.size(); ++n) {
    const StageOutput stage =
        stages_[n]->respond(cells, texts, layout.laid_out(stage_cues(n, expressions)));
    cells = stage.visual;
    texts = stage.texts;
    answers.push_back(layout.in_order(stage.similarity));  // [M, h, w]
  }
  return at::stack(answers) * scale();
}

void PCNetImpl::check(const at::Tensor& visual, const Expressions& expressions) const {
  if (visual.dim() != 4 || visual.size(1) != options.width) {
    throw core::Error(core::cat("visual features: got ", visual.sizes(), ", wanted [B, ",
                                options.width, ", h, w]"));
  }
  const std::int64_t read = config::cues_read(referring);
  const auto texts = expressions.texts.sizes().vec();
  const auto cues =
      expressions.cues.defined() ? expressions.cues.sizes().vec() : std::vector<std::int64_t>{};
  const bool with_cues = cues.size() == texts.size() + 1 && cues.back() == options.width &&
                         std::equal(texts.begin(), texts.end() - 1, cues.begin()) &&
                         cues[cues.size() - 2] >= read;
  if (texts.back() != options.width || !(with_cues || read == 0)) {
    throw core::Error(core::cat("expressions: got texts ", at::IntArrayRef(texts), " and cues ",
                                at::IntArrayRef(cues), ", wanted [.., ", options.width,
                                "] and [.., K, ", options.width, "] with K at least ", read,
                                ", the cues that ", referring.stages, " stages read"));
  }
}

at::Tensor PCNetImpl::stage_cues(std::size_t stage, const Expressions& expressions) const {
  if (referring.stage_cue == "sentence_last" && stage + 1 == stages_.size()) {
    return expressions.texts;
  }
  return expressions.cues.select(/*dim=*/-2, static_cast<std::int64_t>(stage));
}

}  // namespace pcnet::model
