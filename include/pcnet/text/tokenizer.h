#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pcnet::text {

/// What is kept of a text that is longer than the context (method.md 1).
enum class Truncate {
  kKeepEnd,  ///< the end token takes the last place
  kCut,      ///< the released code's way: the end token is lost
};

/// A text as token ids.
struct Tokens {
  std::vector<std::int64_t> ids;           ///< [length], padded with 0
  bool cut = false;                        ///< words were dropped for lack of room
  std::vector<std::string> unknown_words;  ///< words outside the vocabulary, left out
  std::int64_t known_words = 0;
};

/// Splits a text into lower-case words: runs of letters, digits and non-ASCII bytes.
std::vector<std::string> split_words(std::string_view text);

/// One token a word, from a closed vocabulary. Id 0 is padding, then the words in order, then the
/// start and, as the greatest id, the end token, so that the arg-max of a row finds its end as in
/// CLIP.
class WordTokenizer {
 public:
  /// @param words distinct words as split_words gives them (else an Error); their order gives the
  /// ids
  explicit WordTokenizer(std::vector<std::string> words);

  /// The vocabulary of these texts: their distinct words, sorted.
  static WordTokenizer from_texts(const std::vector<std::string>& texts);

  /// `length` ids (at least 3); see Tokens for what was left out.
  Tokens encode(std::string_view text, std::int64_t length,
                Truncate truncate = Truncate::kKeepEnd) const;

  const std::vector<std::string>& words() const { return words_; }
  std::int64_t vocabulary_size() const { return end_token() + 1; }
  std::int64_t start_token() const { return static_cast<std::int64_t>(words_.size()) + 1; }
  std::int64_t end_token() const { return start_token() + 1; }

 private:
  std::vector<std::string> words_;
  std::unordered_map<std::string, std::int64_t> ids_;
};

}  // namespace pcnet::text
