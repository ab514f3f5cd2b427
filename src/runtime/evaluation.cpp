#include "pcnet/runtime/evaluation.h"

#include <memory>
#include <optional>

#include "pcnet/core/device.h"
#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/log.h"
#include "pcnet/core/version.h"
#include "pcnet/metrics/bootstrap.h"
#include "pcnet/report/results.h"
#include "pcnet/runtime/clip_alone.h"
#include "pcnet/runtime/dataset_opening.h"
#include "pcnet/runtime/model_source.h"
#include "pcnet/runtime/packing.h"

namespace pcnet::runtime {

using core::cat;
using nlohmann::ordered_json;

namespace {

/// Complete when the splits are answered: it names the files that were read for them.
ordered_json protocol(const data::Dataset& dataset, const engine::Segmentor& segmentor,
                      const config::Config& config) {
  ordered_json document = {{"dataset", dataset.files().dataset},
                           {"split_by", dataset.files().split_by},
                           {"root", config.data.root}};
  document.update(files_read(dataset));
  document.update(ordered_json{
      {"sentences", config.eval.sentences.word()},
      {"ground_truth",
       config.eval.ground_truth == "union" ? "union of polygons" : "pixels of exactly one polygon"},
      {"exif", dataset.files().apply_exif ? "turned" : "stored"},
      {"image_size", config.data.image_size},
      {"text_length", config.data.text_length},
      {"truncate", config.data.truncate.word()},
      {"resize",
       config.eval.map_resize == "released"
           ? "released: to image_size, positive part, to the image"
           : cat("bilinear, align_corners=", config.eval.align_corners ? "true" : "false")},
      {"threshold", config.eval.threshold},
      {"method", config.eval.method.word()},
      {"precision", config.eval.precision.word()}});
  document.update(segmentor.protocol());
  document.update(ordered_json{{"empty_union_iou", 0}, {"pcnet", core::version()}});
  if (config.eval.method == config::EvalMethod::kClipGlobalLocal) {
    document["global_weight"] = global_weight(config.eval, dataset.files().dataset);
  }
  document["intervals"] = report::to_json(metrics::Resampling{});
  return document;
}

ordered_json to_json(const engine::SplitResult& result, config::Segmentor segmentor) {
  ordered_json document = report::to_json(result.scores);
  document["stages"] = ordered_json::array();
  for (const auto& stage : result.stages) document["stages"].push_back(report::to_json(stage));
  if (!result.kinds.empty()) {
    for (const auto& [kind, scores] : result.kinds) {
      document["kinds"][kind] = report::to_json(scores);
    }
  }
  document["empty_maps"] = result.empty_maps;
  document["on_object"] = result.on_object;
  document["collisions"] = result.collisions;
  document["pairs"] = result.pairs;
  document["left_out"] = {{"unreadable_pictures", result.unreadable},
                          {"broken_annotations", result.broken_outlines}};
  document["unknown_words"] = {{"sentences", result.text_omissions.texts_with_unknown},
                               {"words", result.text_omissions.unknown},
                               {"cues", result.cue_omissions.texts_with_unknown}};
  document["cut"] = {{"sentences", result.text_omissions.cut}, {"cues", result.cue_omissions.cut}};
  if (segmentor == config::Segmentor::kProposal) {
    document["ties"] = result.ties;
    document["peaks_off_proposals"] = result.off_proposals;
  }
  document["without_proposal"] = result.without_proposal;
  document["pictures_without_proposals"] = result.pictures_without_proposals;
  return document;
}

/// One `--per-sentence` line (docs/cli.md#per-sentence).
ordered_json to_json(const engine::EvaluatedSentence& sentence, const std::string& split) {
  const auto& last = sentence.stages.back();
  ordered_json stages = ordered_json::array();
  for (const auto& stage : sentence.stages) {
    stages.push_back({{"peak", report::to_json(stage.peak)},
                      {"hit", stage.score.hit},
                      {"iou", metrics::iou(stage.score)}});
  }
  ordered_json line = {{"split", split},
                       {"sent_id", sentence.sent_id},
                       {"ref_id", sentence.ref_id},
                       {"ann_id", sentence.ann_id},
                       {"image_id", sentence.image_id},
                       {"text", sentence.text},
                       {"peak", report::to_json(last.peak)},
                       {"hit", last.score.hit},
                       {"iou", metrics::iou(last.score)},
                       {"intersection", last.score.intersection},
                       {"union", last.score.union_},
                       {"stages", stages},
                       {"segmentation",
                        {{"size", {sentence.segmentation.height, sentence.segmentation.width}},
                         {"counts", image::to_coco_string(sentence.segmentation)}}}};
  if (!sentence.kind.empty()) line["kind"] = sentence.kind;
  return line;
}

void write_per_sentence(core::AtomicFile& file, const EvaluationResult& result) {
  for (const auto& [name, split] : result.splits) {
    for (const auto& sentence : split.sentences) {
      file.write(core::json_text(to_json(sentence, name)) + "\n");
    }
  }
  file.commit();
}

/// Intervals of all figures that are reported; each is of the images that have such a sentence.
void add_intervals(engine::SplitResult& result) {
  std::vector<metrics::SumsByImage> stages(result.stages.size());
  std::map<std::string, metrics::SumsByImage> kinds;
  for (const auto& sentence : result.sentences) {
    for (std::size_t n = 0; n < stages.size(); ++n) {
      stages[n].add(sentence.image_id, sentence.stages[n].score);
    }
    if (sentence.kind.empty()) continue;
    kinds[sentence.kind].add(sentence.image_id, sentence.stages.back().score);
  }
  for (std::size_t n = 0; n < stages.size(); ++n) {
    result.stages[n].intervals = metrics::bootstrap(stages[n].images());
  }
  for (const auto& [kind, sums] : kinds) {
    result.kinds.at(kind).intervals = metrics::bootstrap(sums.images());
  }
  result.scores.intervals = result.stages.back().intervals;
}

const std::vector<std::string>& splits_of(const EvaluationRequest& request,
                                          const config::Config& config) {
  return request.splits.empty() ? config.eval.splits : request.splits;
}

EvaluationResult evaluate_baseline(const EvaluationRequest& request, config::Config& config) {
  config = default_config(request.overrides);
  if (config.eval.method != config::EvalMethod::kModel) {
    throw core::UsageError(cat("--baseline ", request.baseline,
                               " answers without a model: --method ", config.eval.method.word(),
                               " is another way to answer"));
  }
  core::set_threads(static_cast<int>(config.run.threads));
  std::unique_ptr<engine::Responder> responder;
  if (request.baseline == "centre") {
    responder = std::make_unique<engine::CentreResponder>();
  } else if (request.baseline == "random") {
    responder =
        std::make_unique<engine::RandomResponder>(static_cast<std::uint64_t>(config.run.seed));
  } else {
    throw core::UsageError(cat("no baseline \"", request.baseline, "\": wanted centre or random"));
  }
  data::Dataset dataset = open_dataset(config.data);
  const auto segmentor = segmentor_for(config, dataset);
  const auto team = distributed::communicator_for(request.team, c10::kCPU);
  auto result = evaluate(*responder, *segmentor, dataset, config, splits_of(request, config),
                         request.baseline, {}, team);
  dataset.pictures().report_skipped(team.get());
  return result;
}

/// What answers: the model that is named, or, by CLIP alone, its CLIP or model.clip.weights.
LoadedModel load_answering(const EvaluationRequest& request) {
  const config::Config named = config::load_defaults(request.overrides).values;
  const auto method = named.eval.method;
  if (method == config::EvalMethod::kModel) {
    if (!request.model.empty()) return load_model(request.model, request.overrides);
    throw core::UsageError(
        "eval wants a run folder or checkpoint, --baseline centre|random, or --method clip-crop, "
        "clip-global-local or clip-map");
  }
  const std::filesystem::path clip =
      request.model.empty() ? std::filesystem::path(named.model.clip.weights) : request.model;
  if (!clip.empty()) return load_clip(clip, request.overrides);
  throw core::UsageError(cat("--method ", method.word(),
                             " asks CLIP: wanted a run, a checkpoint, or a file of CLIP, e.g. "
                             "--set model.clip.weights=RN50.pt"));
}

EvaluationResult evaluate_model(const EvaluationRequest& request, config::Config& config) {
  const LoadedModel loaded = load_answering(request);
  config = loaded.config;
  data::Dataset dataset = open_dataset(loaded);
  const auto segmentor = segmentor_for(config, dataset);
  const auto responder = make_responder(loaded, dataset);
  const auto team = distributed::communicator_for(request.team, loaded.device);
  auto result = evaluate(*responder, *segmentor, dataset, config, splits_of(request, config),
                         loaded.checkpoint.string(), {}, team);
  dataset.pictures().report_skipped(team.get());
  return result;
}

}  // namespace

EvaluationResult evaluate(engine::Responder& responder, engine::Segmentor& segmentor,
                          data::Dataset& dataset, const config::Config& config,
                          const std::vector<std::string>& splits, const std::string& name,
                          std::map<std::string, engine::SplitResult> known,
                          const std::shared_ptr<core::Communicator>& team) {
  if (splits.empty()) throw core::ConfigError("eval.splits is empty: name at least one split");
  EvaluationResult result{name, {}, segmentor.kind(), {}};
  // An unknown or empty split is found before the first one is answered.
  for (const auto& split : splits) (void)dataset.index().split(split);
  for (const auto& split : splits) {
    const auto found = known.find(split);
    auto scored = found != known.end()
                      ? std::move(found->second)
                      : engine::evaluate(dataset, split, responder, segmentor, config.eval, team);
    if (scored.broken_outlines > 0) {
      core::log::warning(cat("left out of ", split, ": ", scored.broken_outlines,
                             scored.broken_outlines == 1 ? " sentence" : " sentences",
                             " about objects with a broken mask or box (data.on_bad_annotation: "
                             "skip)"));
    }
    text::report(scored.text_omissions, cat("sentences of ", split), config.data.text_length);
    text::report(scored.cue_omissions, cat("cues of ", split), config.data.text_length);
    add_intervals(scored);
    result.splits.emplace_back(split, std::move(scored));
  }
  result.protocol = protocol(dataset, segmentor, config);
  return result;
}

EvaluationResult evaluate(const EvaluationRequest& request) {
  // Opened now: a path that cannot be written is found before the work, not after it.
  std::optional<core::AtomicFile> lines;
  const bool leads = request.team == nullptr || request.team->communicator()->leads();
  if (!request.per_sentence.empty() && leads) lines.emplace(request.per_sentence);
  config::Config config;
  EvaluationResult result = request.baseline.empty() ? evaluate_model(request, config)
                                                     : evaluate_baseline(request, config);
  if (lines) write_per_sentence(*lines, result);
  return result;
}

namespace {

/// What there is to say of proposals as masks.
std::string proposals_text(const engine::SplitResult& split, config::Segmentor segmentor) {
  std::string text;
  if (segmentor == config::Segmentor::kProposal) {
    text += cat(", no proposal at the peak ", core::fixed(split.off_proposals, 1),
                " %, several alike ", core::fixed(split.ties, 1), " %");
  }
  if (split.without_proposal > 0) {
    text += cat(", ", split.without_proposal, " sentences without any proposal");
  }
  return text;
}

}  // namespace

ordered_json to_json(const EvaluationResult& result) {
  ordered_json document = {{"checkpoint", result.answered_by}, {"protocol", result.protocol}};
  for (const auto& [name, split] : result.splits) {
    document["splits"][name] = to_json(split, result.segmentor);
  }
  return document;
}

std::string to_text(const EvaluationResult& result) {
  std::string text;
  for (const auto& [split, scored] : result.splits) {
    std::vector<report::ResultRow> rows = {{split, scored.scores}};
    for (const auto& [kind, scores] : scored.kinds) rows.push_back({"  " + kind, scores});
    if (scored.stages.size() > 1) {
      for (std::size_t n = 0; n < scored.stages.size(); ++n) {
        rows.push_back({cat("  stage ", n), scored.stages[n]});
      }
    }
    text += report::results_table(rows);
    if (const auto& intervals = scored.scores.intervals) {
      text += cat("95 % intervals over images: ", report::to_text(*intervals), "\n");
    }
    text += cat("empty maps ", core::fixed(scored.empty_maps, 1), " %, peaks on an object ",
                core::fixed(scored.on_object, 1), " %, collisions ",
                core::fixed(scored.collisions, 1), " % of ", scored.pairs, " pairs");
    text += proposals_text(scored, result.segmentor);
    text += "\n";
  }
  return text;
}

}  // namespace pcnet::runtime
