#include <algorithm>
#include <map>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/data/batches/samples.h"
#include "pcnet/data/sources/coverage.h"

namespace pcnet::data {

ReferringSamples::ReferringSamples(Dataset& dataset, const text::Tokenizer& tokenizer,
                                   const Options& options)
    : Samples(dataset, tokenizer, {.cues = options.cues, .partners = options.partners}) {
  if (options.cues > 0) dataset.check_cues("train");
  if (options.clip_scores) clip_scores_ = &dataset.clip_scores();
  const auto& index = dataset.index();
  for (const auto position : index.split("train")) {
    const Reference& reference = index.references()[position];
    if (reference.sentences.empty()) continue;
    Object object{reference.image_id, reference.ann_id, reference.ref_id, {}};
    for (const auto& sentence : reference.sentences) {
      object.sentences.push_back(read_expression(sentence));
    }
    objects_of_[object.image_id].push_back(objects_.size());
    objects_.push_back(std::move(object));
  }
  report_omissions();
  if (options.grid.height == 0) return;
  const Coverage coverage = proposal_coverage(index, "train", dataset.proposals());
  if (coverage.missing > 0) {
    core::log::warning(core::cat(describe(coverage, "train", dataset.proposals()),
                                 ": they train without (all-zero proposals never count)"));
  }
  const ProposalStore& proposals = dataset.proposals();
  grids_ = std::make_unique<GridStore>(proposals, options.grid, dataset.ready_grids(options.grid));
  if (clip_scores_ != nullptr) require_clip_scores();
}

void ReferringSamples::require_clip_scores() const {
  std::vector<std::string> missing;
  std::size_t all = 0;
  for (const auto& object : objects_) {
    if (!dataset_.proposals().has(object.image_id)) continue;
    for (const auto& sentence : object.sentences) {
      ++all;
      if (sentence.clip_scores == nullptr) missing.push_back(std::to_string(sentence.sent_id));
    }
  }
  if (missing.empty()) return;
  const std::size_t count = missing.size();
  missing.resize(std::min<std::size_t>(count, 5));
  throw core::Error(core::cat(count, " of ", all, " sentences of train have no scores in ",
                              clip_scores_->source(), ", e.g. sent_id ", core::join(missing, ", "),
                              ": make them with `pcnet proposals score --split train`"));
}

ReferringSamples::Expression ReferringSamples::read_expression(const Sentence& sentence) {
  Expression expression{bank_.add(sentence.text), sentence.sent_id, {}};
  if (clip_scores_ != nullptr) {
    expression.clip_scores = clip_scores_->find(sentence.sent_id, sentence.text);
  }
  if (counts_.cues == 0) return expression;
  const auto cues = dataset_.cues_of(sentence);
  const auto wanted = static_cast<std::size_t>(counts_.cues);
  for (std::size_t k = 0; k < wanted; ++k) {
    expression.cues.push_back(bank_.add(cues[k % cues.size()]));
  }
  return expression;
}

std::vector<std::int64_t> ReferringSamples::clash_groups(config::Negatives negatives) const {
  std::vector<std::int64_t> groups;
  if (negatives == config::Negatives::kAny) return groups;
  for (const auto& object : objects_) {
    groups.push_back(negatives == config::Negatives::kDistinctObjects ? object.ann_id
                                                                      : object.image_id);
  }
  return groups;
}

Samples::Draw ReferringSamples::draw(std::size_t sample, core::Rng& rng) const {
  const Object& object = objects_[sample];
  const Expression& sentence = rng.pick(object.sentences);  // first: the same whatever K and D are
  Draw drawn{.image_id = object.image_id,
             .texts = {sentence.row},
             .ref_id = object.ref_id,
             .sent_ids = {sentence.sent_id},
             .cues = sentence.cues,
             .clip_scores = sentence.clip_scores};
  draw_partners(object, rng, drawn);
  return drawn;
}

void ReferringSamples::draw_partners(const Object& object, core::Rng& rng, Draw& drawn) const {
  if (counts_.partners == 0) return;
  // What is left to say about each other object; two references may mean one object.
  std::map<std::int64_t, std::vector<const Expression*>> by_object;
  for (const auto position : objects_of_.at(object.image_id)) {
    const Object& other = objects_[position];
    if (other.ann_id == object.ann_id) continue;
    for (const auto& sentence : other.sentences) by_object[other.ann_id].push_back(&sentence);
  }
  std::vector<std::vector<const Expression*>> left;
  for (auto& [ann_id, sentences] : by_object) left.push_back(std::move(sentences));
  rng.shuffle(left);
  const auto wanted = static_cast<std::size_t>(counts_.partners);
  for (std::size_t turn = 0; !left.empty() && drawn.partners.size() < wanted;) {
    auto& sentences = left[turn];
    const auto chosen = static_cast<std::ptrdiff_t>(rng.below(sentences.size()));
    const Expression& partner = *sentences[static_cast<std::size_t>(chosen)];
    sentences.erase(sentences.begin() + chosen);
    drawn.partners.push_back(partner.row);
    drawn.partner_cues.insert(drawn.partner_cues.end(), partner.cues.begin(), partner.cues.end());
    if (sentences.empty()) {
      left.erase(left.begin() + static_cast<std::ptrdiff_t>(turn));
    } else {
      ++turn;
    }
    if (turn >= left.size()) turn = 0;
  }
}

}  // namespace pcnet::data
