#include "pcnet/runtime/asked_text.h"

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::runtime {

using core::cat;

std::vector<std::string> unread_of(const LoadedModel& loaded, const std::string& text) {
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
    throw core::UsageError("the text is empty: say what to find");
  }
  const auto length = loaded.config.data.text_length;
  const auto tokens = loaded.tokenizer->encode(text, length);
  if (tokens.words == 0) {
    const auto& known = loaded.tokenizer->words();
    throw core::UsageError(cat(
        "the text \"", text, "\" holds no word that the model knows",
        known.empty() ? "" : cat(" (its ", known.size(), " words: ", core::join(known, " "), ")")));
  }
  std::vector<std::string> unread;
  if (!tokens.unknown_words.empty()) {
    unread.push_back(cat("\"", text, "\": the model does not know and leaves out: ",
                         core::join(tokens.unknown_words, ", ")));
  }
  if (tokens.cut > 0) {
    unread.push_back(cat("\"", text, "\" is longer than ", length, " tokens: its last ", tokens.cut,
                         " were cut"));
  }
  return unread;
}

}  // namespace pcnet::runtime
