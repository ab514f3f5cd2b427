#include "pcnet/text/word_tokenizer.h"

#include <algorithm>
#include <set>
#include <utility>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

#include "unicode.h"

namespace pcnet::text {

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  const auto finish = [&] {
    if (!word.empty()) words.push_back(std::exchange(word, {}));
  };
  for (const char32_t c : to_lower(plain_characters(decode_utf8(text)))) {
    const bool whole = is_whole_word(c);
    if (whole || !is_word_character(c)) finish();
    if (!whole && !is_word_character(c)) continue;
    if (word.empty() && is_mark(c)) continue;  // on nothing
    append_utf8(word, c);
    if (whole) finish();
  }
  finish();
  return words;
}

WordTokenizer::WordTokenizer(std::vector<std::string> words) : words_(std::move(words)) {
  std::vector<std::pair<std::string, std::int64_t>> other_forms;
  for (std::size_t i = 0; i < words_.size(); ++i) {
    const auto id = static_cast<std::int64_t>(i) + 1;
    const auto split = split_words(words_[i]);
    const bool is_word = split.size() == 1 && split.front() == words_[i];
    // Runs of earlier versions hold words such as "École" or "blue\u00A0square": their ids stay.
    const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
    if (!is_word && std::all_of(words_[i].begin(), words_[i].end(), is_ascii)) {
      throw core::Error(
          core::cat("the vocabulary holds \"", words_[i], "\", wanted single words in lower case"));
    }
    if (!is_word && split.size() == 1) other_forms.emplace_back(split.front(), id);
    if (!ids_.emplace(words_[i], id).second) {
      throw core::Error(core::cat("the vocabulary holds the word \"", words_[i], "\" twice"));
    }
  }
  for (auto& [word, id] : other_forms) ids_.emplace(std::move(word), id);
}

WordTokenizer WordTokenizer::from_texts(const std::vector<std::string>& texts) {
  std::set<std::string> words;
  for (const auto& text : texts) {
    for (auto& word : split_words(text)) words.insert(std::move(word));
  }
  return WordTokenizer({words.begin(), words.end()});
}

Tokens WordTokenizer::encode(std::string_view text, std::int64_t length, Truncate truncate) const {
  std::vector<std::int64_t> ids;
  std::vector<std::string> unknown;
  for (auto& word : split_words(text)) {
    const auto found = ids_.find(word);
    if (found == ids_.end()) {
      unknown.push_back(std::move(word));
    } else {
      ids.push_back(found->second);
    }
  }
  Tokens tokens = frame(ids, length, truncate);
  tokens.unknown_words = std::move(unknown);
  return tokens;
}

std::string WordTokenizer::decode(std::span<const std::int64_t> ids) const {
  std::vector<std::string> text;
  for (const std::int64_t id : ids) {
    if (id < 0 || id >= vocabulary_size()) {
      throw core::Error(
          core::cat("token ", id, " is not in the vocabulary of ", vocabulary_size(), " entries"));
    }
    if (id >= 1 && id < start_token()) text.push_back(words_[static_cast<std::size_t>(id - 1)]);
  }
  return core::join(text, " ");
}

}  // namespace pcnet::text
