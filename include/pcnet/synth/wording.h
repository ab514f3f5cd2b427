#pragma once

#include <string>
#include <vector>

#include "pcnet/core/random.h"
#include "pcnet/synth/facts.h"

namespace pcnet::synth {

/// Words that a long sentence has at least and at most.
inline constexpr std::size_t kFewestWords = 8;
inline constexpr std::size_t kMostWords = 14;

/// A text of the long language and its cues: the noun with the attribute said first, each place or
/// relation, each further attribute, and the noun alone, where attributes are said.
struct Wording {
  std::string text;
  std::vector<std::string> cues;
};

/// Says the facts of an object of this shape in one of many ways: attributes in any order before
/// the noun, one of them perhaps after it, then places and relations. No two readings: what follows
/// a landmark is joined with "and". @param article of the noun, "the" or "a"
Wording put_into_words(const std::string& article, Shape noun, std::vector<Fact> facts,
                       core::Rng& rng);

}  // namespace pcnet::synth
