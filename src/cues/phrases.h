#pragma once

#include <cstddef>
#include <vector>

#include "words.h"

namespace pcnet::cues {

/// Positions of words that belong together, in the sentence's order.
using Span = std::vector<std::size_t>;

/// A referring expression taken apart.
struct Phrases {
  Span determiner;               ///< of the target
  std::vector<Span> attributes;  ///< said before its noun, one each
  Span target;                   ///< its noun, or the nouns that make one; empty: none is named
  std::vector<Span> modifiers;   ///< said after it: phrases, actions, relations, places
};

/// Takes tagged words apart from left to right. What describes another object stays with that
/// object.
Phrases take_apart(const std::vector<Word>& words);

}  // namespace pcnet::cues
