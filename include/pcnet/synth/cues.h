#pragma once

#include <string>
#include <vector>

#include "pcnet/synth/expressions.h"

namespace pcnet::synth {

inline constexpr std::size_t kCuesPerSentence = 5;

/// The cues that the expression's own words give: its shape with one other word each. One to five.
std::vector<std::string> real_cues(const Expression& expression);

/// The real cues, repeated in turn until there are kCuesPerSentence.
std::vector<std::string> cyclic_cues(const std::vector<std::string>& real);

}  // namespace pcnet::synth
