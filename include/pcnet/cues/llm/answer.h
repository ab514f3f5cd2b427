#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pcnet::cues {

/// The phrases that a language model's answer lists, in its order: a JSON list, also of objects, in
/// an object, in a code block or amid prose; a list in Python's manner; or numbered, dashed or
/// plain lines. What a thinking model says first is left out. Empty when there is no list. The
/// answer may be any bytes.
std::vector<std::string> phrases_in(std::string_view answer);

/// What an answer is worth.
struct Judgement {
  std::vector<std::string> cues;      ///< usable and different from each other; empty: none is
  std::vector<std::string> left_out;  ///< "phrase: why"
  std::string fault;                  ///< why there are no cues, to tell the model
};

struct JudgementOptions {
  std::size_t most = 5;          ///< cues; K of the paper
  bool allow_new_words = false;  ///< also phrases with words that the sentence does not have
};

/// The cues in an answer to `sentence`. Phrases that say nothing ("The"), are longer than the
/// sentence or say words it does not have (KnownWords) are left out.
Judgement judge_answer(std::string_view answer, std::string_view sentence,
                       const JudgementOptions& options);

}  // namespace pcnet::cues
