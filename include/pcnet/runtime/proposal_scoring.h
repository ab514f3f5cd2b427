#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "pcnet/config/config.h"

namespace pcnet::runtime {

/// What `pcnet proposals score` is asked.
struct ScoringRequest {
  std::filesystem::path weights;  ///< a file of CLIP, a run or a checkpoint
  std::vector<std::string> splits = {"train"};
  std::filesystem::path out;  ///< empty: clip_scores.jsonl beside the annotations
  bool replace = false;
};

/// A file of scores that was made.
struct ScoreFile {
  std::filesystem::path out;
  bool already_there = false;  ///< whole, with the same settings: nothing was done
  std::int64_t sentences = 0;  ///< with scores, of those asked for
  std::int64_t made = 0;       ///< by this call; the others were there
  double seconds = 0;
};

/// Scores the proposals of each sentence's image by CLIP alone, as eval.method says (clip-crop or
/// clip-global-local), for data.clip_scores: JSON lines behind a head that says what they were made
/// with. What is done is kept in `<out>.partial`; the same call goes on there. Error when `out` is
/// there with other settings and is not to be replaced, and for an image that cannot be read.
ScoreFile score_proposals(const config::Config& config, const ScoringRequest& request);

}  // namespace pcnet::runtime
