#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pcnet/text/tokenizer.h"

namespace pcnet::text {

/// Counts what is lost when texts become tokens, so that no command loses words in silence.
struct Omissions {
  std::int64_t texts = 0;                     ///< all that were counted
  std::int64_t cut = 0;                       ///< texts without room for all of their tokens
  std::int64_t texts_with_unknown = 0;        ///< texts with a word outside of the vocabulary
  std::int64_t unknown = 0;                   ///< such words, each as often as it occurs
  std::map<std::string, std::int64_t> words;  ///< the same by word

  void add(const Tokens& tokens);
};

/// A line for each kind of loss, none when nothing was lost: "3 words of 2 of 40 sentences are not
/// in the vocabulary and were left out (2 different: vase, mug)", the most frequent words first.
/// @param kind what the texts are: "sentences"
std::vector<std::string> describe(const Omissions& omissions, std::string_view kind,
                                  std::int64_t text_length);

/// Warns with those lines.
void report(const Omissions& omissions, std::string_view kind, std::int64_t text_length);

}  // namespace pcnet::text
