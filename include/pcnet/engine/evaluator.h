#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pcnet/config/eval_options.h"
#include "pcnet/image/rle.h"
#include "pcnet/metrics/peak.h"
#include "pcnet/metrics/scores.h"
#include "pcnet/text/omissions.h"

namespace pcnet::core {
class Communicator;
}
namespace pcnet::data {
class Dataset;
}

namespace pcnet::engine {

class Responder;
class Segmentor;

/// What one stage answered to one sentence.
struct StageAnswer {
  metrics::Peak peak;  ///< score: the cosine at the peak
  metrics::SentenceScore score;
};

/// One sentence of a split, answered and scored.
struct EvaluatedSentence {
  std::int64_t sent_id = 0;
  std::int64_t ref_id = 0;
  std::int64_t ann_id = 0;
  std::int64_t image_id = 0;
  std::string text;
  std::string kind;
  std::vector<StageAnswer> stages;   ///< the last one counts
  image::Rle segmentation;           ///< of the last stage
  bool empty_map = false;            ///< no positive value: the peak is pixel 0
  bool no_proposal = false;          ///< the image has none: the mask is empty
  bool off_proposals = false;        ///< no proposal holds the map's maximum
  bool tied = false;                 ///< several proposals have the highest response
  std::int64_t object_at_peak = -1;  ///< ann_id of the smallest object under the peak, -1: none
};

/// A split's figures; ratios in percent.
struct SplitResult {
  metrics::Scores scores;
  std::vector<metrics::Scores> stages;
  std::map<std::string, metrics::Scores> kinds;  ///< refsynth's kinds of expression
  double empty_maps = 0;
  double on_object = 0;   ///< peaks on any annotated object
  double collisions = 0;  ///< of the pairs of expressions of different objects of one picture,
                          ///< those whose peaks fall on one object
  std::int64_t pairs = 0;
  std::int64_t unreadable = 0;        ///< sentences left out: their picture cannot be read
  std::int64_t broken_outlines = 0;   ///< sentences left out: the mask of their object is broken
  std::int64_t without_proposal = 0;  ///< sentences whose mask is empty for lack of one
  double off_proposals = 0;           ///< sentences whose peak lies on no proposal
  double ties = 0;                    ///< sentences of which several proposals are the answer
  std::int64_t pictures_without_proposals = 0;  ///< of the split: their source has no entry
  text::Omissions text_omissions;               ///< what the model did not read of the sentences
  text::Omissions cue_omissions;                ///< the same of the cues that it reads
  std::vector<EvaluatedSentence> sentences;     ///< in the split's own order
};

/// Answers and scores every sentence of a split (docs/method.md#evaluation). A picture's sentences
/// are answered together. Error for an empty split, a missing picture, or, when the segmentor needs
/// proposals, a source that has none for any picture of the split; pictures without are counted,
/// with a warning.
/// @param team processes that share the images; each gets the result of all. Null: this one is
/// alone
SplitResult evaluate(data::Dataset& dataset, const std::string& split, Responder& responder,
                     Segmentor& segmentor, const config::EvalOptions& options,
                     const std::shared_ptr<core::Communicator>& team = nullptr);

}  // namespace pcnet::engine
