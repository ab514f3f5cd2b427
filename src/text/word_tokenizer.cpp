#include "pcnet/text/word_tokenizer.h"

#include <algorithm>
#include <set>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::text {

namespace {

bool is_word_byte(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80;
}

}  // namespace

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char raw : text) {
    const char c = raw >= 'A' && raw <= 'Z' ? static_cast<char>(raw - 'A' + 'a') : raw;
    if (is_word_byte(static_cast<unsigned char>(c))) {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

WordTokenizer::WordTokenizer(std::vector<std::string> words) : words_(std::move(words)) {
  for (std::size_t i = 0; i < words_.size(); ++i) {
    if (split_words(words_[i]) != std::vector<std::string>{words_[i]}) {
      throw core::Error(
          core::cat("the vocabulary holds \"", words_[i], "\", wanted single words in lower case"));
    }
    if (!ids_.emplace(words_[i], static_cast<std::int64_t>(i) + 1).second) {
      throw core::Error(core::cat("the vocabulary holds the word \"", words_[i], "\" twice"));
    }
  }
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
