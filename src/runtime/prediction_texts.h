#pragma once

#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "pcnet/runtime/model_source.h"
#include "pcnet/runtime/prediction_inputs.h"

namespace pcnet::runtime {

/// The cues of each text of an image; none: the text is its own.
using TextCues = std::vector<std::vector<std::string>>;

/// All that is asked about images, once looked at by the model's words.
class PredictionTexts {
 public:
  /// UsageError for a text that is empty or without a known word; a warning for what is not read of
  /// others.
  PredictionTexts(const LoadedModel& loaded, const std::vector<PredictionInput>& inputs);

  const TextCues& cues_of(const PredictionInput& input) const {
    return cues_.at(input.questions.get());
  }

 private:
  void check(const LoadedModel& loaded, const std::string& text);

  std::unordered_map<const Questions*, TextCues> cues_;
  std::set<std::string> checked_;
  std::vector<std::string> warnings_;
};

}  // namespace pcnet::runtime
