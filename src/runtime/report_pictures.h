#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "pcnet/report/comparison.h"
#include "pcnet/runtime/evaluation.h"
#include "pcnet/runtime/model_source.h"

namespace pcnet::runtime {

/// A run's model with its answers to a split, and what draws them. Parts keep references to each
/// other: the object stays where it was made.
class ReportedModel {
 public:
  /// Loads the model and answers the split. Errors as load_model's and evaluate's.
  ReportedModel(const std::filesystem::path& run, const std::string& split,
                const std::vector<std::string>& overrides);
  ReportedModel(const ReportedModel&) = delete;
  ReportedModel& operator=(const ReportedModel&) = delete;

  const EvaluationResult& result() const { return result_; }
  const engine::SplitResult& answers() const { return result_.splits.front().second; }

  /// The image of a sentence with the mask, the peak and the ground truth, as markup.
  std::string answer_figure(const engine::EvaluatedSentence& sentence,
                            const std::string& caption) const;
  /// Image, response of each stage under its cue, mask and ground truth of a sentence, which the
  /// model is asked about once more, as markup.
  std::string stages_row(const engine::EvaluatedSentence& sentence) const;

 private:
  image::Mask truth_of(const engine::EvaluatedSentence& sentence) const;
  std::vector<std::string> cues_of(const engine::EvaluatedSentence& sentence) const;

  LoadedModel loaded_;
  mutable data::Dataset dataset_;
  std::unique_ptr<engine::Segmentor> segmentor_;
  std::unique_ptr<engine::Responder> responder_;
  EvaluationResult result_;
};

/// Sentences drawn at random, of different images while there are enough.
/// @param stream names the draw beside the seed
std::vector<const engine::EvaluatedSentence*> draw_sentences(
    std::vector<const engine::EvaluatedSentence*> from, std::int64_t count, std::uint64_t seed,
    std::uint64_t stream);

/// The stages of some sentences, a row each.
std::string stages_part(const ReportedModel& model, std::int64_t count, std::uint64_t seed);

/// Sentences that were found and that were not, by kind, as galleries.
std::string galleries_part(const ReportedModel& model, std::int64_t count, std::uint64_t seed);

/// The largest leads of both sides, each pair of answers side by side.
std::string leads_gallery(const report::Comparison& comparison, const ReportedModel& a,
                          const ReportedModel& b, std::int64_t count);

}  // namespace pcnet::runtime
