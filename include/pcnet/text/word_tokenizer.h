#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pcnet/text/tokenizer.h"

namespace pcnet::text {

/// Splits a text into lower-case words: runs of letters and numbers with their marks; ideographs,
/// hiragana and symbols such as emoji one by one. Hyphens, dashes, apostrophes and spaces of every
/// kind separate, what is not seen does not; compatible forms are one ("ﬁ" is "fi", full width is
/// narrow).
std::vector<std::string> split_words(std::string_view text);

/// One token a word, from a closed vocabulary: for small benchmarks. Id 0 is padding, then the
/// words in order, then the start and the end token.
class WordTokenizer : public Tokenizer {
 public:
  /// @param words distinct words as split_words gives them; their order gives the ids. Error for
  /// others in ASCII; others beyond it keep their place and are found by the word that they are now
  explicit WordTokenizer(std::vector<std::string> words);

  /// The vocabulary of these texts: their distinct words, sorted.
  static WordTokenizer from_texts(const std::vector<std::string>& texts);

  Tokens encode(std::string_view text, std::int64_t length,
                Truncate truncate = Truncate::kKeepEnd) const override;
  std::string decode(std::span<const std::int64_t> ids) const override;

  std::int64_t vocabulary_size() const override { return end_token() + 1; }
  std::int64_t start_token() const override { return static_cast<std::int64_t>(words_.size()) + 1; }
  std::int64_t end_token() const override { return start_token() + 1; }
  const std::vector<std::string>& words() const override { return words_; }

 private:
  std::vector<std::string> words_;
  std::unordered_map<std::string, std::int64_t> ids_;
};

}  // namespace pcnet::text
