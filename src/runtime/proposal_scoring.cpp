#include "pcnet/runtime/proposal_scoring.h"

#include <map>
#include <set>
#include <utility>

#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/lap.h"
#include "pcnet/core/progress.h"
#include "pcnet/core/signals.h"
#include "pcnet/data/annotations/digest.h"
#include "pcnet/data/pack/pack_key.h"
#include "pcnet/data/proposals/clip_scores.h"
#include "pcnet/engine/checkpoint.h"
#include "pcnet/runtime/clip_alone.h"
#include "pcnet/runtime/dataset_opening.h"
#include "pcnet/text/omissions.h"

#include "growing_lines.h"

namespace pcnet::runtime {

namespace fs = std::filesystem;
using core::cat;
using nlohmann::ordered_json;

namespace {

struct ImageSentences {
  std::int64_t image_id;
  std::vector<const data::Sentence*> sentences;
};

/// The sentences of the splits, which may overlap, by image.
std::vector<ImageSentences> sentences_by_image(const data::ReferIndex& index,
                                               const std::vector<std::string>& splits) {
  std::set<std::size_t> positions;
  for (const auto& split : splits) {
    const auto& own = index.split(split);
    positions.insert(own.begin(), own.end());
  }
  std::map<std::int64_t, std::vector<const data::Sentence*>> by_image;
  for (const auto position : positions) {
    const data::Reference& reference = index.references()[position];
    for (const auto& sentence : reference.sentences) {
      by_image[reference.image_id].push_back(&sentence);
    }
  }
  std::vector<ImageSentences> images;
  for (auto& [image_id, sentences] : by_image) images.push_back({image_id, std::move(sentences)});
  return images;
}

std::int64_t count(const std::vector<ImageSentences>& images) {
  std::int64_t sentences = 0;
  for (const auto& image : images) {
    sentences += static_cast<std::int64_t>(image.sentences.size());
  }
  return sentences;
}

/// Those that have no scores there.
std::vector<ImageSentences> left_of(std::vector<ImageSentences> images,
                                    const data::ClipScores& there) {
  for (auto& image : images) {
    std::erase_if(image.sentences, [&](const data::Sentence* sentence) {
      return there.find(sentence->sent_id, sentence->text) != nullptr;
    });
  }
  std::erase_if(images, [](const ImageSentences& image) { return image.sentences.empty(); });
  return images;
}

std::string head_of(const config::Config& config, const ScoringRequest& request,
                    const data::Dataset& dataset) {
  const fs::path file = engine::find_checkpoint(request.weights);
  ordered_json settings = {{"method", config.eval.method.word()}};
  if (config.eval.method == config::EvalMethod::kClipGlobalLocal) {
    settings["global_weight"] = global_weight(config.eval, dataset.files().dataset);
  }
  settings.update({{"weights", file.filename().string()},
                   {"digest", data::digest_text(data::source_of(file).checksum)},
                   {"text_length", config.data.text_length},
                   {"truncate", config.data.truncate.word()},
                   {"splits", request.splits}});
  return data::clip_scores_head(dataset.proposal_key(), settings);
}

void require_usable(const config::Config& config, const data::Dataset& dataset) {
  if (!config::chooses_proposals(config.eval.method)) {
    throw core::UsageError(cat("--method ", config.eval.method.word(),
                               " scores no proposals: wanted clip-crop or clip-global-local"));
  }
  if (!dataset.files().pack.empty()) {
    throw core::UsageError(cat("cannot score the proposals of the pack ",
                               dataset.files().pack.string(),
                               ": it has no images of full size; name the dataset's own files "
                               "(--root)"));
  }
}

/// One line a sentence; without scores where the image has no proposals.
void score_image(const ImageSentences& image, engine::ProposalScorer& scorer,
                 data::Dataset& dataset, GrowingLines& lines) {
  const auto masks = dataset.proposals().of(image.image_id);
  std::vector<std::string> texts;
  for (const auto* sentence : image.sentences) texts.push_back(sentence->text);
  at::Tensor scores = torch::empty({static_cast<std::int64_t>(texts.size()), 0});
  if (masks != nullptr && !masks->empty()) {
    scores = scorer.scores(dataset.pictures().original(image.image_id), *masks, texts);
  }
  const auto proposals = static_cast<std::size_t>(scores.size(1));
  const auto* row = scores.const_data_ptr<float>();
  for (const auto* sentence : image.sentences) {
    lines.append(data::clip_scores_line(sentence->sent_id, sentence->text, {row, row + proposals}));
    row += proposals;
  }
}

/// The file is whole with that head: it must have every sentence.
ScoreFile whole_file(ScoreFile file, const std::vector<ImageSentences>& images) {
  const std::int64_t missing = count(left_of(images, data::ClipScores(file.out)));
  if (missing > 0) {
    throw core::Error(cat(file.out.string(), " is there already and has no scores of ", missing,
                          " of ", file.sentences, " sentences: --replace writes it anew"));
  }
  file.already_there = true;
  return file;
}

}  // namespace

ScoreFile score_proposals(const config::Config& config, const ScoringRequest& request) {
  core::Lap watch;
  data::Dataset dataset = open_dataset(config.data);
  require_usable(config, dataset);
  const auto images = sentences_by_image(dataset.index(), request.splits);
  ScoreFile file{.out = request.out, .sentences = count(images)};
  if (file.out.empty()) {
    file.out = dataset.files().annotations.parent_path() / "clip_scores.jsonl";
  }
  const std::string head = head_of(config, request, dataset);
  if (GrowingLines::is_whole(file.out, head, request.replace)) return whole_file(file, images);
  const LoadedModel clip =
      load_clip(request.weights,
                {cat("run.device=", config.run.device), cat("run.threads=", config.run.threads),
                 cat("run.deterministic=", config.run.deterministic ? "true" : "false")});
  auto scorer = proposal_scorer(clip, config.eval, config.data, dataset.files().dataset);
  GrowingLines lines(file.out, head);
  const auto left = left_of(images, data::ClipScores(lines.there(), lines.name()));
  const auto already = static_cast<std::int64_t>(images.size() - left.size());
  core::Progress progress("scoring proposals", static_cast<std::int64_t>(images.size()), "images",
                          already);
  text::Omissions omissions;
  for (std::size_t i = 0; i < left.size(); ++i) {
    core::throw_if_stopped("stopped; the same command goes on where it was");
    score_image(left[i], scorer, dataset, lines);
    for (const auto* sentence : left[i].sentences) omissions.add(scorer.tokens_of(sentence->text));
    progress.update(already + static_cast<std::int64_t>(i) + 1);
  }
  lines.commit();
  progress.finish();
  text::report(omissions, "sentences", config.data.text_length);
  file.made = count(left);
  file.seconds = watch.take();
  return file;
}

}  // namespace pcnet::runtime
