#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "pcnet/data/cues/cue_store.h"

namespace pcnet::cues {

/// The target-related cues of a referring expression (Sec. 3.1), found by rules instead of a
/// language model: the target's noun; each attribute before it; each phrase, action, relation or
/// place said of it after, all with the noun again. One to `most`, different from each other, made
/// of words of the sentence in its order. A text without any word is its own only cue.
std::vector<std::string> rule_cues(std::string_view sentence,
                                   std::size_t most = data::kCuesPerSentence);

/// The word that names the target ("man" of "the tall man in red"); empty when none does.
std::string target_word(std::string_view sentence);

}  // namespace pcnet::cues
