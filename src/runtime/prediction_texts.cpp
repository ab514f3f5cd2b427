#include "prediction_texts.h"

#include <algorithm>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"

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
  const auto tokens = loaded.tokenizer->encode(text, loaded.config.data.text_length);
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
    throw core::UsageError("the text is empty: say what to find");
  }
  if (tokens.words == 0) {
    const auto& known = loaded.tokenizer->words();
    throw core::UsageError(cat("the text \"", text, "\" holds no word that the model knows (its ",
                               known.size(), " words: ", core::join(known, " "), ")"));
  }
  if (!tokens.unknown_words.empty()) {
    warnings_.push_back(cat("\"", text, "\": the model does not know and leaves out: ",
                            core::join(tokens.unknown_words, ", ")));
  }
  if (tokens.cut > 0) {
    warnings_.push_back(cat("\"", text, "\" is longer than ", loaded.config.data.text_length,
                            " tokens: its last ", tokens.cut, " were cut"));
  }
}

}  // namespace pcnet::runtime
