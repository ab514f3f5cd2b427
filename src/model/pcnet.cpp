#include "pcnet/model/pcnet.h"

#include <algorithm>

#include "pcnet/config/validate.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/profile.h"

#include "texts_by_picture.h"

namespace pcnet::model {

namespace nn = torch::nn;

PCNetImpl::PCNetImpl(const config::ModelOptions& model, std::int64_t vocabulary_size)
    : ReferringModel(model, vocabulary_size,
                     {.image = "c4_vis_project", .text = "global_lan_project"}) {
  config::validate(options.referring);
  if (options.stages < 1) {
    throw core::ConfigError(core::cat("model.stages: got ", options.stages, ", wanted 1 or more"));
  }
  auto modules = register_module("attn_fusion_vl", nn::ModuleList());
  for (std::int64_t n = 0; n < std::max(options.stages, options.referring.modules); ++n) {
    const ConditionalReferringModule stage(options.width, options.referring);
    modules->push_back(stage);
    if (n < options.stages) stages_.push_back(stage);
  }
}

std::vector<StageLogits> PCNetImpl::forward(const at::Tensor& visual,
                                            const Expressions& expressions,
                                            const core::BatchShare& share) {
  check_visual(visual);
  check_expressions(expressions, /*leading=*/2);
  const std::int64_t pictures = visual.size(0);
  if (expressions.texts.size(0) != pictures) {
    throw core::Error(core::cat("texts of ", pictures, " images: got ", expressions.texts.sizes(),
                                ", wanted [", pictures, ", 1 + D, ", options.width, "]"));
  }
  const bool pair = options.referring.context == "pair";
  const auto on_pictures = [&](const at::Tensor& own) {
    return pair ? with_whole_batch(own, share) : own;
  };
  const at::Tensor factor = scale();
  at::Tensor cells = visual;
  at::Tensor texts = on_pictures(first_texts(expressions));
  std::vector<StageLogits> answers;
  for (std::size_t n = 0; n < stages_.size(); ++n) {
    const core::PartScope part("referring module", static_cast<std::int64_t>(n));
    const StageOutput stage =
        stages_[n]->forward(cells, texts, on_pictures(stage_cues(n, expressions)), share);
    cells = stage.visual;
    texts = stage.texts;
    const at::Tensor logits = stage.similarity * factor;  // [n, B + D, h, w]
    const std::int64_t samples = share.whole(pictures);
    answers.push_back({logits.slice(/*dim=*/1, 0, samples), logits.slice(/*dim=*/1, samples)});
  }
  return answers;
}

Seen PCNetImpl::look(const at::Tensor& visual) {
  check_visual(visual);
  Seen seen{visual};
  at::Tensor cells = visual;
  for (std::size_t n = 0; n < stages_.size(); ++n) {
    const core::PartScope part("referring module", static_cast<std::int64_t>(n));
    for (const auto& memory : stages_[n]->look_at(cells)) {
      seen.insert(seen.end(), {memory.keys, memory.values});
    }
    if (n + 1 < stages_.size()) cells = stages_[n]->next_visual(cells);
  }
  return seen;
}

at::Tensor PCNetImpl::respond(const Seen& seen, const Expressions& expressions,
                              const at::Tensor& picture) {
  const std::size_t pairs = stages_.size() * 2;  // keys and values
  if (seen.empty() || (seen.size() - 1) % pairs != 0) {
    throw core::Error(core::cat("what look() made of images: got ", seen.size(),
                                " tensors, wanted 1 and a multiple of ", pairs));
  }
  const at::Tensor& visual = seen.front();
  check_visual(visual);
  check_expressions(expressions, /*leading=*/1);
  const TextsByPicture layout(picture, expressions.texts.size(0), visual.size(0), visual.device());
  at::Tensor cells = visual;
  at::Tensor texts = layout.laid_out(first_texts(expressions));
  std::vector<at::Tensor> answers;
  const std::size_t of_stage = (seen.size() - 1) / stages_.size();
  for (std::size_t n = 0; n < stages_.size(); ++n) {
    const core::PartScope part("referring module", static_cast<std::int64_t>(n));
    VisualMemories memories;
    for (std::size_t i = 1 + n * of_stage; i < 1 + (n + 1) * of_stage; i += 2) {
      memories.push_back({seen.at(i), seen.at(i + 1)});
    }
    const StageOutput stage =
        stages_[n]->respond(cells, texts, layout.laid_out(stage_cues(n, expressions)), memories);
    cells = stage.visual;
    texts = stage.texts;
    answers.push_back(layout.in_order(stage.similarity));  // [M, h, w]
  }
  return at::stack(answers) * scale();
}

void PCNetImpl::check_visual(const at::Tensor& visual) const {
  if (visual.dim() == 4 && visual.size(1) == options.width) return;
  throw core::Error(core::cat("visual features: got ", visual.sizes(), ", wanted [B, ",
                              options.width, ", h, w]"));
}

void PCNetImpl::check_expressions(const Expressions& expressions, std::size_t leading) const {
  const std::int64_t read = cues_read();
  const auto texts = expressions.texts.sizes().vec();
  const auto cues =
      expressions.cues.defined() ? expressions.cues.sizes().vec() : std::vector<std::int64_t>{};
  const bool fit = texts.size() == leading + 1 && texts.back() == options.width;
  const bool with_cues = fit && cues.size() == leading + 2 && cues.back() == options.width &&
                         std::equal(texts.begin(), texts.end() - 1, cues.begin()) &&
                         cues[leading] >= read;
  if (!fit || !(with_cues || read == 0)) {
    throw core::Error(core::cat("expressions: got texts ", at::IntArrayRef(texts), " and cues ",
                                at::IntArrayRef(cues), ", wanted ",
                                leading == 1 ? "[M, " : "[B, 1 + D, ", options.width,
                                "] and the same with K cues before the last, K at least ", read,
                                " for ", options.stages, " stages"));
  }
}

at::Tensor PCNetImpl::first_texts(const Expressions& expressions) const {
  return options.referring.stage_cue == "progressive"
             ? expressions.cues.select(/*dim=*/-2, /*index=*/0)
             : expressions.texts;
}

at::Tensor PCNetImpl::stage_cues(std::size_t stage, const Expressions& expressions) const {
  const std::int64_t cue = cue_of_stage(static_cast<std::int64_t>(stage));
  return cue < 0 ? expressions.texts : expressions.cues.select(/*dim=*/-2, cue);
}

std::int64_t PCNetImpl::cue_of_stage(std::int64_t stage) const {
  const bool last = stage + 1 == static_cast<std::int64_t>(stages_.size());
  return options.referring.stage_cue != "cue_k" && last ? -1 : stage;
}

}  // namespace pcnet::model
