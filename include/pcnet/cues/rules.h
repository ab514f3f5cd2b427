#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pcnet::cues {

/// How many cues the paper gives a sentence (K, Sec. 3.1).
inline constexpr std::size_t kCuesPerSentence = 5;

/// The target-related cues of a referring expression (Sec. 3.1), found by rules instead of a
/// language model: the target's noun; each attribute before it; each phrase, action, relation or
/// place said of it after, all with the noun again. One to `most`, different from each other, made
/// of words of the sentence in its order. A text without any word is its own only cue.
std::vector<std::string> rule_cues(std::string_view sentence, std::size_t most = kCuesPerSentence);

/// The cues in turn until there are `count` (the paper repeats them when there are fewer).
std::vector<std::string> repeated(const std::vector<std::string>& cues,
                                  std::size_t count = kCuesPerSentence);

}  // namespace pcnet::cues
