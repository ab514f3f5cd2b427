#include "pcnet/engine/evaluator.h"

#include <algorithm>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>

#include <ATen/Parallel.h>

#include "pcnet/core/communicator.h"
#include "pcnet/core/device.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/core/parallel.h"
#include "pcnet/core/profile.h"
#include "pcnet/core/progress.h"
#include "pcnet/core/signals.h"
#include "pcnet/data/sources/coverage.h"
#include "pcnet/data/sources/dataset.h"
#include "pcnet/engine/answer_bytes.h"
#include "pcnet/engine/responder.h"
#include "pcnet/engine/segmentor.h"

namespace pcnet::engine {

using core::cat;

namespace {

constexpr const char* kStopped = "evaluation stopped; nothing was written";

/// The sentences of one picture: positions in the split's order.
struct Group {
  std::int64_t image_id;
  std::vector<std::size_t> sentences;
};

/// The ground truth of a picture, decoded, by ann_id.
using Truth = std::unordered_map<std::int64_t, image::Mask>;

/// The sentences of an object that count.
std::span<const data::Sentence> evaluated(const data::Reference& reference, bool first_only) {
  const std::span<const data::Sentence> all(reference.sentences);
  return first_only ? all.first(std::min<std::size_t>(all.size(), 1)) : all;
}

/// The cues of a split's sentences by sent_id; empty: each sentence is its own cue.
std::unordered_map<std::int64_t, std::vector<std::string>> cues_of_split(data::Dataset& dataset,
                                                                         const std::string& split,
                                                                         bool first_only) {
  std::unordered_map<std::int64_t, std::vector<std::string>> cues;
  if (!dataset.has_cues()) {
    core::log::warning(cat("the dataset has no cues: each sentence of \"", split,
                           "\" is its own cue; name some with --cues, make them with `pcnet cues "
                           "make`, or let the rules make them with --cues rules"));
    return cues;
  }
  dataset.check_cues(split);
  for (const auto position : dataset.index().split(split)) {
    const data::Reference& reference = dataset.index().references()[position];
    for (const auto& sentence : evaluated(reference, first_only)) {
      cues.emplace(sentence.sent_id, dataset.cues_of(sentence));
    }
  }
  return cues;
}

/// The split's sentences but for those whose object has a broken outline; these are counted.
void list_sentences(const data::ReferIndex& index, const std::string& split, bool first_only,
                    SplitResult& result) {
  for (const auto position : index.split(split)) {
    const data::Reference& reference = index.references()[position];
    const auto own = evaluated(reference, first_only);
    if (index.annotation(reference.ann_id).damage != nullptr) {
      result.broken_outlines += static_cast<std::int64_t>(own.size());
      continue;
    }
    for (const auto& sentence : own) {
      EvaluatedSentence entry;
      entry.sent_id = sentence.sent_id;
      entry.ref_id = reference.ref_id;
      entry.ann_id = reference.ann_id;
      entry.image_id = reference.image_id;
      entry.text = sentence.text;
      entry.kind = sentence.kind;
      result.sentences.push_back(std::move(entry));
    }
  }
  if (!result.sentences.empty() || result.broken_outlines == 0) return;
  throw core::Error(cat("the split \"", split, "\" cannot be evaluated: its ",
                        result.broken_outlines,
                        " sentences are about objects with a broken mask or box: none is left"));
}

/// Error unless every object asked for has a mask to compare with.
void require_masks(const data::ReferIndex& index, const std::string& split) {
  const auto without = index.without_mask(split);
  if (without.empty()) return;
  constexpr std::size_t kNamed = 10;
  std::vector<std::string> named;
  for (std::size_t i = 0; i < std::min(kNamed, without.size()); ++i) {
    named.push_back(std::to_string(without[i]));
  }
  throw core::Error(cat("the split \"", split, "\" cannot be evaluated: ", without.size(),
                        " sentences have no mask to compare with: sent_id ",
                        core::join(named, ", "), without.size() > kNamed ? ", ..." : "",
                        "; add their masks, or choose another split"));
}

std::vector<Group> group_by_picture(const std::vector<EvaluatedSentence>& sentences) {
  std::vector<Group> groups;
  std::unordered_map<std::int64_t, std::size_t> group_of;
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    const auto [place, added] = group_of.emplace(sentences[i].image_id, groups.size());
    if (added) groups.push_back({sentences[i].image_id, {}});
    groups[place->second].sentences.push_back(i);
  }
  return groups;
}

class Evaluation {
 public:
  Evaluation(data::Dataset& dataset, const std::string& split, Responder& responder,
             Segmentor& segmentor, const config::EvalOptions& options, core::Communicator& team)
      : dataset_(dataset),
        responder_(responder),
        segmentor_(segmentor),
        options_(options),
        team_(team) {
    if (needs_proposals(segmentor.kind())) proposals_ = &dataset.proposals();
    if (responder.cues_read() > 0) {
      cues_ = cues_of_split(dataset, split, options.sentences == "first");
    }
  }

  /// Answers all groups, several at once and shared by the processes, and scores them.
  void answer(std::span<const Group> groups, std::vector<EvaluatedSentence>& sentences,
              core::Progress& progress) {
    // A window of images at a time: what is kept of its texts has a bound.
    constexpr std::size_t kTexts = 16384;
    const auto all = static_cast<std::int64_t>(groups.size());
    std::int64_t done = 0;
    while (!groups.empty()) {
      std::vector<std::string> texts;
      std::size_t images = 0;
      for (; images < groups.size() && texts.size() < kTexts; ++images) {
        for (const auto i : groups[images].sentences) add_texts(sentences[i], texts);
      }
      responder_.prepare(texts, team_);
      answer_window(groups.first(images), sentences, [&](std::int64_t answered) {
        done += answered;
        progress.update(std::min(all, done * team_.size()));  // the others are about as far
      });
      groups = groups.subspan(images);
    }
    if (team_.is_alone()) return;
    for (const auto& answers : team_.all_gather(answer_bytes(sentences))) {
      fill_answers(answers, sentences);
    }
  }

  /// What is not read of the sentences that were answered, and of their cues.
  void count_omissions(SplitResult& result) const {
    const auto read = static_cast<std::size_t>(responder_.cues_read());
    for (const auto& sentence : result.sentences) {
      result.text_omissions.add(responder_.tokens_of(sentence.text));
      if (cues_.empty()) continue;
      const auto& cues = cues_.at(sentence.sent_id);
      for (std::size_t k = 0; k < std::min(read, cues.size()); ++k) {
        result.cue_omissions.add(responder_.tokens_of(cues[k]));
      }
    }
  }

 private:
  Truth truth_of(std::int64_t image_id) const {
    Truth truth;
    const auto& index = dataset_.index();
    for (const auto ann_id : index.annotations_of(image_id)) {
      const data::Annotation& annotation = index.annotation(ann_id);
      if (!annotation.has_mask()) continue;  // nobody asks for it: require_masks saw to that
      truth.emplace(ann_id, image::decode(index.mask(annotation, options_.ground_truth)));
    }
    return truth;
  }

  void add_texts(const EvaluatedSentence& sentence, std::vector<std::string>& texts) const {
    texts.push_back(sentence.text);
    if (cues_.empty()) return;
    const auto& cues = cues_.at(sentence.sent_id);
    const auto read = std::min(cues.size(), static_cast<std::size_t>(responder_.cues_read()));
    texts.insert(texts.end(), cues.begin(), cues.begin() + static_cast<std::ptrdiff_t>(read));
  }

  /// Threads that each read, answer and score a few images, so that none waits for another's part.
  /// @param tell called with the number of images that a thread has done
  void answer_window(std::span<const Group> groups, std::vector<EvaluatedSentence>& sentences,
                     const std::function<void(std::int64_t)>& tell) {
    const auto most = static_cast<std::size_t>(options_.batch_size);
    const int cores = at::get_num_threads();
    const bool alone = !segmentor_.is_for_several_threads();
    const int threads = alone ? 1 : std::min(responder_.askers(), static_cast<int>(most));
    // That of process 0: others may have another number of threads.
    const std::size_t step = std::stoul(
        team_.from_leader(cat(threads == 1 ? most : images_of_a_turn(groups.size(), threads))));
    const std::size_t batches = (groups.size() + step - 1) / step;
    std::mutex told;
    // Batches are dealt in turn: which images are answered together is the same for any number of
    // processes.
    const auto processes = static_cast<std::size_t>(team_.size());
    const auto rank = static_cast<std::size_t>(team_.rank());
    const std::size_t mine = (batches + processes - 1 - rank) / processes;
    core::parallel_for(static_cast<std::int64_t>(mine), threads, [&](std::int64_t i) {
      std::optional<core::LoopsOnThisThread> loops;
      if (threads > 1) loops.emplace(std::max(cores / threads, 1));
      const std::size_t first = (static_cast<std::size_t>(i) * processes + rank) * step;
      const auto own = groups.subspan(first, std::min(step, groups.size() - first));
      answer_batch(own, sentences, alone, [&](std::int64_t answered) {
        const std::lock_guard lock(told);
        tell(answered);
      });
    });
  }

  /// So few that all threads end at nearly the same time, that those in memory at once are not more
  /// than the option says, and that what the network makes of them stays near a core's caches.
  std::size_t images_of_a_turn(std::size_t images, int threads) const {
    constexpr std::size_t kTurns = 4;
    constexpr std::int64_t kPixels = 4 * 320 * 320;
    const auto sharing = static_cast<std::size_t>(threads);
    const auto side = dataset_.pictures().side();
    const auto near = static_cast<std::size_t>(kPixels / (side * side));
    const auto most = static_cast<std::size_t>(options_.batch_size) / sharing;
    return std::max<std::size_t>(std::min({images / (kTurns * sharing), near, most}), 1);
  }

  void answer_batch(std::span<const Group> groups, std::vector<EvaluatedSentence>& sentences,
                    bool alone, const std::function<void(std::int64_t)>& tell) {
    core::throw_if_stopped(kStopped);
    std::vector<Query> queries;
    std::vector<const Group*> readable;
    for (const auto& group : groups) {
      const auto& record = dataset_.index().image(group.image_id);
      auto picture = [&] {
        const core::PartScope part("reading images");
        return dataset_.pictures().get(group.image_id);
      }();
      if (!picture) continue;
      Query query{std::move(*picture), record.height, record.width, {}, {}, {}, group.image_id};
      for (const auto i : group.sentences) {
        query.texts.push_back(sentences[i].text);
        query.sent_ids.push_back(sentences[i].sent_id);
        if (!cues_.empty()) query.cues.push_back(cues_.at(sentences[i].sent_id));
      }
      queries.push_back(std::move(query));
      readable.push_back(&group);
    }
    tell(static_cast<std::int64_t>(groups.size() - readable.size()));
    if (queries.empty()) return;
    const std::vector<at::Tensor> answers = responder_.respond(queries);
    core::parallel_for(static_cast<std::int64_t>(answers.size()), alone ? 1 : at::get_num_threads(),
                       [&](std::int64_t i) {
                         core::throw_if_stopped(kStopped);
                         const auto at = static_cast<std::size_t>(i);
                         score_picture(*readable[at], answers[at], sentences);
                         if (alone) tell(1);
                       });
    if (!alone) tell(static_cast<std::int64_t>(answers.size()));
  }

  void score_picture(const Group& group, const at::Tensor& answers,
                     std::vector<EvaluatedSentence>& sentences) const {
    const core::PartScope part("scoring");
    require_maps(group, answers);
    const at::Tensor maps = answers.contiguous();
    const Truth truth = truth_of(group.image_id);
    AnsweredImage image{maps.size(2), maps.size(3), {}, {}, {}};
    image.picture = [&] { return dataset_.pictures().original(group.image_id); };
    if (proposals_ != nullptr) image.proposals = decode(proposals_->of(group.image_id));
    for (std::size_t i = 0; i < group.sentences.size(); ++i) {
      const EvaluatedSentence& sentence = sentences[group.sentences[i]];
      for (std::int64_t stage = 0; stage < maps.size(0); ++stage) {
        const at::Tensor map = maps[stage][static_cast<std::int64_t>(i)];
        const std::span<const float> values(map.const_data_ptr<float>(),
                                            static_cast<std::size_t>(map.numel()));
        image.maps.push_back({values, metrics::find_peak(values, image.width),
                              &truth.at(sentence.ann_id), sentence.sent_id});
      }
    }
    const auto segmentations = segmentor_.segment(image);
    const auto stages = static_cast<std::size_t>(maps.size(0));
    for (std::size_t i = 0; i < segmentations.size(); ++i) {
      EvaluatedSentence& sentence = sentences[group.sentences[i / stages]];
      score_stage(image.maps[i], segmentations[i], sentence);
      if (i % stages + 1 == stages) sentence.segmentation = image::encode(segmentations[i].mask);
    }
    for (const auto i : group.sentences) finish(truth, sentences[i]);
  }

  void require_maps(const Group& group, const at::Tensor& maps) const {
    const auto& record = dataset_.index().image(group.image_id);
    const auto texts = static_cast<std::int64_t>(group.sentences.size());
    if (maps.dim() == 4 && maps.size(0) > 0 && maps.scalar_type() == at::kFloat &&
        maps.sizes().slice(1) == at::IntArrayRef{texts, record.height, record.width}) {
      return;
    }
    throw core::Error(cat("the maps for image_id ", group.image_id, " are ", maps.sizes(), " of ",
                          maps.scalar_type(), ", wanted [stages, ", texts, ", ", record.height,
                          ", ", record.width, "] of Float"));
  }

  void score_stage(const AnsweredMap& map, const Segmentation& found,
                   EvaluatedSentence& sentence) const {
    const auto& annotation = dataset_.index().annotation(sentence.ann_id);
    StageAnswer answer{.peak = map.peak, .score = {}};
    answer.score.hit = metrics::hits_mask(map.peak, *map.truth);
    answer.score.hit_box = metrics::hits_box(map.peak, annotation.box);
    answer.score.intersection = count_both(found.mask, *map.truth);
    answer.score.union_ = count(found.mask) + count(*map.truth) - answer.score.intersection;
    sentence.stages.push_back(answer);
    sentence.no_proposal = found.no_proposal;
    sentence.off_proposals = found.off_proposals;
    sentence.tied = found.tied;
  }

  /// What the last stage alone says.
  static void finish(const Truth& truth, EvaluatedSentence& sentence) {
    const metrics::Peak& peak = sentence.stages.back().peak;
    sentence.empty_map = peak.score <= 0;
    sentence.object_at_peak = object_at(truth, peak);
  }

  static std::int64_t object_at(const Truth& truth, const metrics::Peak& peak) {
    std::int64_t chosen = -1;
    std::int64_t smallest = 0;
    for (const auto& [ann_id, mask] : truth) {
      if (mask.at(peak.y, peak.x) == 0) continue;
      const std::int64_t area = count(mask);
      if (chosen < 0 || area < smallest || (area == smallest && ann_id < chosen)) {
        chosen = ann_id;
        smallest = area;
      }
    }
    return chosen;
  }

  data::Dataset& dataset_;
  Responder& responder_;
  Segmentor& segmentor_;
  const config::EvalOptions& options_;
  core::Communicator& team_;
  const data::ProposalStore* proposals_ = nullptr;
  std::unordered_map<std::int64_t, std::vector<std::string>> cues_;  // by sent_id
};

double percent(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0.0;
}

void count_collisions(const std::vector<Group>& groups, SplitResult& result) {
  std::int64_t collisions = 0;
  for (const auto& group : groups) {
    for (std::size_t i = 0; i < group.sentences.size(); ++i) {
      for (std::size_t j = i + 1; j < group.sentences.size(); ++j) {
        const auto& a = result.sentences[group.sentences[i]];
        const auto& b = result.sentences[group.sentences[j]];
        if (a.ann_id == b.ann_id) continue;
        ++result.pairs;
        if (a.object_at_peak >= 0 && a.object_at_peak == b.object_at_peak) ++collisions;
      }
    }
  }
  result.collisions = percent(collisions, result.pairs);
}

void summarise(const std::vector<Group>& groups, SplitResult& result) {
  metrics::ScoreAccumulator all;
  std::vector<metrics::ScoreAccumulator> stages;
  std::map<std::string, metrics::ScoreAccumulator> kinds;
  std::int64_t empty = 0;
  std::int64_t on_object = 0;
  std::int64_t off_proposals = 0;
  std::int64_t ties = 0;
  for (const auto& sentence : result.sentences) {
    all.add(sentence.stages.back().score);
    stages.resize(sentence.stages.size());
    for (std::size_t n = 0; n < stages.size(); ++n) stages[n].add(sentence.stages[n].score);
    if (!sentence.kind.empty()) kinds[sentence.kind].add(sentence.stages.back().score);
    empty += sentence.empty_map ? 1 : 0;
    on_object += sentence.object_at_peak >= 0 ? 1 : 0;
    result.without_proposal += sentence.no_proposal ? 1 : 0;
    off_proposals += sentence.off_proposals ? 1 : 0;
    ties += sentence.tied ? 1 : 0;
  }
  const auto count = static_cast<std::int64_t>(result.sentences.size());
  result.scores = all.result();
  for (const auto& stage : stages) result.stages.push_back(stage.result());
  for (const auto& [kind, scores] : kinds) result.kinds.emplace(kind, scores.result());
  result.empty_maps = percent(empty, count);
  result.on_object = percent(on_object, count);
  result.off_proposals = percent(off_proposals, count);
  result.ties = percent(ties, count);
  count_collisions(groups, result);
}

/// Leaves out the sentences of pictures that were skipped as unreadable.
void drop_unanswered(SplitResult& result) {
  const auto dropped = std::erase_if(
      result.sentences, [](const EvaluatedSentence& sentence) { return sentence.stages.empty(); });
  result.unreadable = static_cast<std::int64_t>(dropped);
}

/// How many pictures of the split have no proposals: none must not mean all.
std::int64_t count_missing_proposals(data::Dataset& dataset, const std::string& split) {
  const auto coverage = data::proposal_coverage(dataset.index(), split, dataset.proposals());
  if (coverage.missing == 0) return 0;
  const std::string found = data::describe(coverage, split, dataset.proposals());
  if (coverage.missing == coverage.wanted) {
    throw core::Error(cat(found, ": give this dataset's with --proposals"));
  }
  core::log::warning(cat(found, ": their sentences are scored with an empty mask"));
  return coverage.missing;
}

}  // namespace

SplitResult evaluate(data::Dataset& dataset, const std::string& split, Responder& responder,
                     Segmentor& segmentor, const config::EvalOptions& options,
                     const std::shared_ptr<core::Communicator>& team) {
  core::Communicator alone;
  SplitResult result;
  list_sentences(dataset.index(), split, options.sentences == "first", result);
  require_masks(dataset.index(), split);
  const std::vector<Group> groups = group_by_picture(result.sentences);
  if (needs_proposals(segmentor.kind()) || config::chooses_proposals(options.method)) {
    result.pictures_without_proposals = count_missing_proposals(dataset, split);
  }
  Evaluation evaluation(dataset, split, responder, segmentor, options, team ? *team : alone);
  core::Progress progress(cat("evaluating ", split), static_cast<std::int64_t>(groups.size()),
                          "images");
  evaluation.answer(groups, result.sentences, progress);
  progress.finish();
  drop_unanswered(result);
  evaluation.count_omissions(result);
  summarise(group_by_picture(result.sentences), result);
  return result;
}

}  // namespace pcnet::engine
