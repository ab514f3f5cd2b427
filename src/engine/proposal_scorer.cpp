#include "pcnet/engine/proposal_scorer.h"

#include <limits>
#include <utility>

#include <torch/torch.h>

#include "pcnet/clip/proposal_features.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/cues/rules.h"
#include "pcnet/model/response_map.h"

namespace pcnet::engine {

using config::EvalMethod;

ProposalScorer::ProposalScorer(clip::Clip clip, const text::Tokenizer& tokenizer,
                               const Options& options)
    : clip_(std::move(clip)), tokenizer_(tokenizer), options_(options) {
  if (config::chooses_proposals(options.method)) return;
  throw core::Error("a scorer of proposals: wanted clip-crop or clip-global-local");
}

at::Tensor ProposalScorer::scores(const image::Picture& picture,
                                  const std::vector<image::Rle>& proposals,
                                  const std::vector<std::string>& sentences) {
  const torch::NoGradGuard no_grad;
  std::vector<image::Rle> real;
  std::vector<std::int64_t> places;
  for (std::size_t i = 0; i < proposals.size(); ++i) {
    if (image::area(proposals[i]) == 0) continue;
    real.push_back(proposals[i]);
    places.push_back(static_cast<std::int64_t>(i));
  }
  const at::Tensor texts = features_of(sentences);
  at::Tensor scores = torch::full({texts.size(0), static_cast<std::int64_t>(proposals.size())},
                                  -std::numeric_limits<float>::infinity());
  if (real.empty()) return scores;
  const at::Tensor found = texts.matmul(features_of(picture, real).t()).to(at::kCPU, at::kFloat);
  return scores.index_copy_(/*dim=*/1, torch::tensor(places, torch::kInt64), found);
}

at::Tensor ProposalScorer::features_of(const image::Picture& picture,
                                       const std::vector<image::Rle>& proposals) {
  if (options_.method == EvalMethod::kClipCrop) {
    return clip::crop_features(*clip_, picture, proposals, clip::kClipCrops);
  }
  const at::Tensor whole =
      clip::context_features(*clip_, picture, proposals, clip::kZeroShotCrops.colours);
  const at::Tensor crops = clip::crop_features(*clip_, picture, proposals, clip::kZeroShotCrops);
  return options_.global_weight * whole + (1 - options_.global_weight) * crops;
}

at::Tensor ProposalScorer::features_of(const std::vector<std::string>& sentences) {
  for (const auto& sentence : sentences) {
    if (encoded_.contains(sentence) || tokens_of(sentence).words > 0) continue;
    throw core::UsageError(core::cat("the text \"", sentence,
                                     "\" holds no word that the model knows (it knows ",
                                     tokenizer_.words().size(), " words)"));
  }
  if (options_.method == EvalMethod::kClipCrop) return encoded(sentences);
  std::vector<std::string> both = sentences;
  for (const auto& sentence : sentences) both.push_back(noun_phrase_of(sentence));
  const auto halves = encoded(both).chunk(/*chunks=*/2);
  return (halves.at(0) + halves.at(1)) / 2;
}

std::string ProposalScorer::noun_phrase_of(const std::string& sentence) const {
  std::string phrase = cues::rule_cues(sentence).front();
  return tokens_of(phrase).words > 0 ? phrase : sentence;
}

at::Tensor ProposalScorer::encoded(const std::vector<std::string>& texts) {
  std::vector<std::string> wanted;
  std::vector<at::Tensor> rows;
  for (const auto& text : texts) {
    if (!encoded_.emplace(text, at::Tensor()).second) continue;
    wanted.push_back(text);
    rows.push_back(torch::tensor(tokens_of(text).ids, torch::kInt64));
  }
  if (!rows.empty()) {
    clip_->eval();
    const auto found = model::unit(clip_->encode_text(at::stack(rows)), /*dim=*/1).unbind();
    for (std::size_t i = 0; i < wanted.size(); ++i) encoded_[wanted[i]] = found[i].clone();
  }
  std::vector<at::Tensor> all;
  for (const auto& text : texts) all.push_back(encoded_.at(text));
  return at::stack(all);
}

}  // namespace pcnet::engine
