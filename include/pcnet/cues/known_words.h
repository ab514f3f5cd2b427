#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace pcnet::cues {

/// The words of a text that say something, in lower case: no articles, no words that only link.
std::vector<std::string> telling_words(std::string_view text);

/// The words of a referring expression, to find what a cue says beyond them. Case, inflection
/// ("holds", "holding"), hyphens and small words that only link (a, is, with, who) make no
/// difference.
class KnownWords {
 public:
  explicit KnownWords(std::string_view sentence);

  /// The cue's words that the sentence does not have: a contradiction, or something made up.
  std::vector<std::string> new_in(std::string_view cue) const;

 private:
  std::unordered_set<std::string> words_;  // and what they may come from
};

}  // namespace pcnet::cues
