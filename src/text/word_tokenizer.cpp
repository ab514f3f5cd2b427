#include <algorithm>
#include <set>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/text/tokenizer.h"

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
  if (length < 3) throw core::Error("a text needs room for at least 3 tokens");
  Tokens tokens;
  tokens.ids.push_back(start_token());
  for (auto& word : split_words(text)) {
    const auto found = ids_.find(word);
    if (found == ids_.end()) {
      tokens.unknown_words.push_back(std::move(word));
    } else {
      tokens.ids.push_back(found->second);
    }
  }
  tokens.known_words = static_cast<std::int64_t>(tokens.ids.size()) - 1;
  tokens.ids.push_back(end_token());
  const auto room = static_cast<std::size_t>(length);
  tokens.cut = tokens.ids.size() > room;
  tokens.ids.resize(room, 0);
  if (tokens.cut && truncate == Truncate::kKeepEnd) tokens.ids.back() = end_token();
  return tokens;
}

}  // namespace pcnet::text
