#include "runtime/report_pictures.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "pcnet/core/communicator.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/random.h"
#include "pcnet/core/signals.h"
#include "pcnet/engine/predictor.h"
#include "pcnet/image/fit.h"
#include "pcnet/image/overlay.h"
#include "pcnet/report/answer_picture.h"
#include "pcnet/report/html_page.h"
#include "pcnet/runtime/clip_alone.h"
#include "pcnet/runtime/dataset_opening.h"

namespace pcnet::runtime {

using core::cat;
using core::fixed;
using engine::EvaluatedSentence;
using report::html_text;

namespace {

constexpr std::int64_t kSide = 400;  // pixels of a picture in the page, at most

using Sentences = std::vector<const EvaluatedSentence*>;

std::string figure(const image::Picture& picture, const std::string& alternative,
                   const std::string& caption) {
  const bool large = std::max(picture.height, picture.width) > kSide;
  return report::html_figure(large ? image::fit(picture, kSide) : picture, alternative, caption);
}

std::string outcome(const metrics::SentenceScore& score) {
  return cat("IoU ", fixed(metrics::iou(score), 2), score.hit ? ", hit" : ", miss");
}

std::string gallery(const ReportedModel& model, const Sentences& sentences) {
  std::string out;
  for (const auto* sentence : sentences) {
    out += model.answer_figure(*sentence, cat("<b>", html_text(sentence->text), "</b><br>",
                                              outcome(sentence->stages.back().score)));
  }
  return cat("<div class=\"gallery\">\n", out, "</div>\n");
}

/// One mask on a dimmed picture.
image::Picture on_picture(const image::Picture& picture, const image::Mask& mask,
                          image::Colour colour) {
  constexpr std::int64_t kLeast = 320;  // as report::draw_answer has it
  image::Picture large = image::enlarge(picture, kLeast);
  const image::Mask large_mask = image::enlarge(mask, kLeast);
  image::spotlight(large, large_mask, colour);
  return large;
}

}  // namespace

ReportedModel::ReportedModel(const std::filesystem::path& run, const std::string& split,
                             const std::vector<std::string>& overrides)
    : loaded_(load_model(run, overrides)),
      dataset_(open_dataset(loaded_)),
      segmentor_(segmentor_for(loaded_.config, dataset_)),
      responder_(make_responder(loaded_, dataset_)),
      result_(evaluate(*responder_, *segmentor_, dataset_, loaded_.config, {split},
                       loaded_.checkpoint.string())) {}

image::Mask ReportedModel::truth_of(const EvaluatedSentence& sentence) const {
  const auto& index = dataset_.index();
  return image::decode(
      index.mask(index.annotation(sentence.ann_id), loaded_.config.eval.ground_truth));
}

std::vector<std::string> ReportedModel::cues_of(const EvaluatedSentence& sentence) const {
  if (responder_->cues_read() == 0 || !dataset_.has_cues()) return {};
  for (const auto& reference : dataset_.index().references()) {
    if (reference.ref_id != sentence.ref_id) continue;
    for (const auto& own : reference.sentences) {
      if (own.sent_id == sentence.sent_id) return dataset_.cues_of(own);
    }
  }
  return {};
}

std::string ReportedModel::answer_figure(const EvaluatedSentence& sentence,
                                         const std::string& caption) const {
  core::throw_if_stopped("report stopped; nothing was written");
  const image::Picture picture = dataset_.pictures().original(sentence.image_id);
  const image::Mask mask = image::decode(sentence.segmentation);
  const image::Mask truth = truth_of(sentence);
  const auto& last = sentence.stages.back();
  return figure(report::draw_answer({picture, {}, mask, last.peak, &truth, ""}),
                cat("Answer to \"", sentence.text, "\": ", outcome(last.score)), caption);
}

std::string ReportedModel::stages_row(const EvaluatedSentence& sentence) const {
  core::throw_if_stopped("report stopped; nothing was written");
  const image::Picture picture = dataset_.pictures().original(sentence.image_id);
  const auto resized = dataset_.pictures().get(sentence.image_id);
  if (!resized) return {};  // evaluate() has left such an image out
  const auto cues = cues_of(sentence);
  engine::Query query{*resized, picture.height, picture.width, {sentence.text}, {sentence.sent_id}};
  if (!cues.empty()) query.cues.push_back(cues);
  query.image_id = sentence.image_id;
  const at::Tensor maps = responder_->respond({&query, 1}).front().contiguous();  // [N, 1, H, W]
  const auto pixels = static_cast<std::size_t>(picture.height * picture.width);
  const image::Mask mask = image::decode(sentence.segmentation);
  std::string out = figure(image::enlarge(picture, 320), "The image", "image");
  for (std::int64_t stage = 0; stage < maps.size(0); ++stage) {
    const std::span<const float> map(
        maps.const_data_ptr<float>() + static_cast<std::size_t>(stage) * pixels, pixels);
    const std::string cue = engine::stage_cue(stage, responder_->cues_read(), sentence.text, cues);
    const std::string caption =
        cat("stage ", stage, cue.empty() ? "" : cat(": <b>", html_text(cue), "</b>"));
    out += figure(report::draw_heat(
                      {picture, map, mask, metrics::find_peak(map, picture.width), nullptr, ""}),
                  cat("Response of stage ", stage, cue.empty() ? "" : cat(", cue \"", cue, "\"")),
                  caption);
  }
  out += figure(on_picture(picture, mask, image::kMagenta), "The mask that was found",
                cat("mask, ", outcome(sentence.stages.back().score)));
  out += figure(on_picture(picture, truth_of(sentence), image::kGreen), "The ground truth",
                "ground truth");
  return cat("<h4>", html_text(sentence.text), "</h4>\n<div class=\"scroll\" tabindex=\"0\" ",
             "role=\"region\" aria-label=\"Stages\"><div class=\"stages\">\n", out,
             "</div></div>\n");
}

Sentences draw_sentences(Sentences from, std::int64_t count, std::uint64_t seed,
                         std::uint64_t stream) {
  core::Rng({seed, stream}).shuffle(from);
  std::set<std::int64_t> images;
  // Those of images that are there already come last.
  std::stable_partition(from.begin(), from.end(), [&](const EvaluatedSentence* sentence) {
    return images.insert(sentence->image_id).second;
  });
  from.resize(std::min(from.size(), static_cast<std::size_t>(count)));
  return from;
}

std::string stages_part(const ReportedModel& model, std::int64_t count, std::uint64_t seed) {
  Sentences all;
  for (const auto& sentence : model.answers().sentences) all.push_back(&sentence);
  std::string out;
  for (const auto* sentence : draw_sentences(std::move(all), count, seed, /*stream=*/0)) {
    out += model.stages_row(*sentence);
  }
  return out;
}

std::string galleries_part(const ReportedModel& model, std::int64_t count, std::uint64_t seed) {
  std::map<std::string, std::pair<Sentences, Sentences>> kinds;  // hits and misses
  for (const auto& sentence : model.answers().sentences) {
    auto& [hits, misses] = kinds[sentence.kind];
    (sentence.stages.back().score.hit ? hits : misses).push_back(&sentence);
  }
  std::string out;
  std::uint64_t stream = 1;
  for (auto& [kind, both] : kinds) {
    const std::string of = kind.empty() ? "" : cat(" of kind ", kind);
    for (auto* group : {&both.first, &both.second}) {
      const bool hits = group == &both.first;
      const std::size_t all = group->size();
      const auto some = draw_sentences(std::move(*group), count, seed, stream++);
      out += cat("<h3>", hits ? "Successes" : "Failures", html_text(of), "</h3>\n");
      out += cat("<p class=\"note\">", some.size(), " of ", all, " sentences whose peak ",
                 hits ? "hits" : "misses", " the object</p>\n");
      if (!some.empty()) out += gallery(model, some);
    }
  }
  return out;
}

std::string leads_gallery(const report::Comparison& comparison, const ReportedModel& a,
                          const ReportedModel& b, std::int64_t count) {
  // answers_of() keeps the order: places in the comparison are those in the answers.
  std::string out;
  const auto& split = comparison.splits.front();
  for (const auto* pairs : {&split.better_b, &split.better_a}) {
    if (pairs->empty() || count == 0) continue;
    const auto& better = pairs == &split.better_b ? comparison.b.name : comparison.a.name;
    out += cat("<h3>Where ", html_text(better), " is better</h3>\n<div class=\"gallery\">\n");
    for (std::size_t i = 0; i < std::min(pairs->size(), static_cast<std::size_t>(count)); ++i) {
      const auto& of_a = a.answers().sentences[(*pairs)[i].a];
      const auto& of_b = b.answers().sentences[(*pairs)[i].b];
      const auto caption = [](const std::string& name, const EvaluatedSentence& sentence) {
        return cat(html_text(name), "<br>", outcome(sentence.stages.back().score));
      };
      out += cat("<div class=\"pair\"><p><b>", html_text(of_a.text), "</b></p>\n",
                 a.answer_figure(of_a, caption(comparison.a.name, of_a)),
                 b.answer_figure(of_b, caption(comparison.b.name, of_b)), "</div>\n");
    }
    out += "</div>\n";
  }
  return out;
}

}  // namespace pcnet::runtime
