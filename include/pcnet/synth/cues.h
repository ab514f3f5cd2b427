#pragma once

#include <string>
#include <vector>

#include "pcnet/synth/expressions.h"

namespace pcnet::synth {

/// The cues that a short expression's own words give: its shape with one other word each. One to
/// five.
std::vector<std::string> real_cues(const Expression& expression);

}  // namespace pcnet::synth
