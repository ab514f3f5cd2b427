#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pcnet::cues {

/// What a language model is asked (Eq. 1). `{sentence}` and `{count}` are placeholders.
struct Prompt {
  std::string instruction;  ///< P_G: what to do
  std::string constraints;  ///< P_C: what the output has to be
  std::string examples;     ///< P_E: expressions with good answers
  std::string question;     ///< P_Q: holds {sentence}

  /// The four parts with the placeholders replaced, an empty line between them.
  std::string ask(std::string_view sentence, std::size_t count) const;
};

/// configs/cues/prompt.txt, a part of the program.
std::string_view default_prompt();

/// Reads a prompt file: the parts in any order under `[general instruction]`, `[output
/// constraints]`, `[in-context examples]` and `[question]`; what comes before the first heading is
/// left out. Error, with `name` and line, for an unknown heading, one that comes twice, a missing
/// or empty part, and a question without {sentence}.
Prompt parse_prompt(std::string_view text, std::string_view name);

}  // namespace pcnet::cues
