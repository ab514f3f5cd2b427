#include "prediction_texts.h"

#include <algorithm>

#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/runtime/asked_text.h"

namespace pcnet::runtime {

using core::cat;

PredictionTexts::PredictionTexts(const LoadedModel& loaded,
                                 const std::vector<PredictionInput>& inputs) {
  const bool reads_cues = loaded.model->cues_read() > 0;
  bool unused = false;
  for (const auto& input : inputs) {
    const auto [place, added] = cues_.try_emplace(input.questions.get());
    if (!added) continue;
    const Questions& asked = *input.questions;
    unused = unused || (!reads_cues && !asked.cues.empty());
    for (const auto& cue : asked.cues) {
      if (reads_cues) check(loaded, cue);
    }
    for (const auto& text : asked.texts) {
      check(loaded, text);
      const bool given = reads_cues && !asked.cues.empty();
      place->second.push_back(given ? asked.cues : cues_for(loaded, text));
    }
  }
  if (unused) {
    core::log::warning("this model has no conditional referring module: the cues are not used");
  }
  constexpr std::size_t kNamed = 10;
  for (std::size_t i = 0; i < std::min(kNamed, warnings_.size()); ++i) {
    core::log::warning(warnings_[i]);
  }
  if (warnings_.size() > kNamed) {
    core::log::warning(cat("the same of ", warnings_.size() - kNamed, " more texts"));
  }
}

void PredictionTexts::check(const LoadedModel& loaded, const std::string& text) {
  if (!checked_.insert(text).second) return;
  for (auto& line : unread_of(loaded, text)) warnings_.push_back(std::move(line));
}

}  // namespace pcnet::runtime
