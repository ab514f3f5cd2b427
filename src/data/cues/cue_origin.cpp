#include "pcnet/data/cues/cue_origin.h"

#include <algorithm>
#include <set>

#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/text/word_tokenizer.h"

namespace pcnet::data {

using core::cat;

namespace {

/// Calls `look(sentence, cues)` for each sentence of the dataset that has cues.
template <class Look>
void for_each_with_cues(const CueStore& cues, const ReferIndex& index, Look look) {
  for (const auto& reference : index.references()) {
    for (const auto& sentence : reference.sentences) {
      const auto* found = cues.find(sentence.sent_id);
      if (found != nullptr) look(sentence, *found);
    }
  }
}

/// As JSON keeps a text: what is no UTF-8 is replaced.
std::string in_json(const std::string& text) {
  using Json = nlohmann::json;
  return core::json_text(Json(text));
}

bool share_a_word(const std::string& sentence, const std::vector<std::string>& cues) {
  const auto words = text::split_words(sentence);
  const std::set<std::string> said(words.begin(), words.end());
  return std::any_of(cues.begin(), cues.end(), [&](const std::string& cue) {
    const auto own = text::split_words(cue);
    return std::any_of(own.begin(), own.end(),
                       [&](const std::string& word) { return said.contains(word); });
  });
}

constexpr std::int64_t kFew = 10;  // one sentence of so many may have been edited since

}  // namespace

std::string name_of(const DatasetFiles& files) {
  return files.split_by.empty() ? files.dataset : cat(files.dataset, " (", files.split_by, ")");
}

OtherSentences other_sentences(const CueStore& cues, const ReferIndex& index,
                               const DatasetFiles& files) {
  std::int64_t compared = 0;
  std::int64_t other = 0;
  std::string example;
  for_each_with_cues(cues, index, [&](const Sentence& sentence, const auto& /*cues*/) {
    const auto made_of = cues.texts().find(sentence.sent_id);
    if (made_of == cues.texts().end()) return;
    ++compared;
    if (made_of->second == sentence.text || in_json(made_of->second) == in_json(sentence.text)) {
      return;
    }
    if (other++ > 0) return;
    example = cat("sent_id ", sentence.sent_id, " is ", in_json(made_of->second), " there and ",
                  in_json(sentence.text), " in this ", name_of(files));
  });
  if (other == 0) return {};
  return {cat("the cues in ", cues.source().string(), " were made of other sentences (", other,
              " of ", compared, "): ", example),
          other * kFew >= compared};
}

std::string unnamed_cues(const CueStore& cues, const ReferIndex& index) {
  if (!cues.texts().empty()) return {};
  std::int64_t compared = 0;
  std::int64_t strange = 0;
  for_each_with_cues(cues, index, [&](const Sentence& sentence, const auto& found) {
    ++compared;
    if (!share_a_word(sentence.text, found)) ++strange;
  });
  if (compared == 0) return {};
  const std::string doubt =
      strange == 0 ? ""
                   : cat("; those of ", strange, " of ", compared,
                         " sentences have no word of their sentence: are they of another dataset?");
  return cat("the cues in ", cues.source().string(),
             " do not say of which sentences they are (`pcnet cues import` writes it): they are "
             "taken by sent_id alone",
             doubt);
}

}  // namespace pcnet::data
