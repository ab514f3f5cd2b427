#include "pcnet/data/cue_origin.h"

#include <algorithm>
#include <cctype>
#include <set>

#include <nlohmann/json.hpp>

#include "pcnet/core/format.h"

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
  return Json(text).dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

std::set<std::string> words_of(const std::string& text) {
  std::set<std::string> words;
  std::string word;
  for (const char c : text + " ") {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || byte >= 0x80) {
      word += static_cast<char>(std::tolower(byte));
    } else if (!word.empty()) {
      words.insert(std::move(word));
      word.clear();
    }
  }
  return words;
}

bool share_a_word(const std::string& sentence, const std::vector<std::string>& cues) {
  const auto said = words_of(sentence);
  return std::any_of(cues.begin(), cues.end(), [&](const std::string& cue) {
    const auto words = words_of(cue);
    return std::any_of(words.begin(), words.end(),
                       [&](const std::string& word) { return said.contains(word); });
  });
}

constexpr std::int64_t kFew = 10;  // one sentence of so many may have been edited since

struct Difference {
  std::int64_t compared = 0;
  std::int64_t other = 0;
  std::string text;  // that tells it; empty: there is none
};

/// How many of the sentences are not those that their cues were made of.
Difference differences(const CueStore& cues, const ReferIndex& index, const DatasetFiles& files) {
  Difference found;
  std::string example;
  for_each_with_cues(cues, index, [&](const Sentence& sentence, const auto& /*cues*/) {
    const auto made_of = cues.texts().find(sentence.sent_id);
    if (made_of == cues.texts().end()) return;
    ++found.compared;
    if (made_of->second == sentence.text || in_json(made_of->second) == in_json(sentence.text)) {
      return;
    }
    if (found.other++ > 0) return;
    example = cat("sent_id ", sentence.sent_id, " is ", in_json(made_of->second), " there and ",
                  in_json(sentence.text), " in this ", name_of(files));
  });
  if (found.other > 0) {
    found.text = cat("the cues in ", cues.source().string(), " were made of other sentences (",
                     found.other, " of ", found.compared, "): ", example);
  }
  return found;
}

}  // namespace

std::string name_of(const DatasetFiles& files) {
  return files.split_by.empty() ? files.dataset : cat(files.dataset, " (", files.split_by, ")");
}

std::string foreign_cues(const CueStore& cues, const ReferIndex& index, const DatasetFiles& files) {
  const Difference found = differences(cues, index, files);
  return found.other * kFew < found.compared ? std::string() : found.text;
}

std::string edited_sentences(const CueStore& cues, const ReferIndex& index,
                             const DatasetFiles& files) {
  const Difference found = differences(cues, index, files);
  return found.other * kFew < found.compared ? found.text : std::string();
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
