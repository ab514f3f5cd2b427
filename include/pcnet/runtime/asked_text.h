#pragma once

#include <string>
#include <vector>

#include "pcnet/runtime/model_source.h"

namespace pcnet::runtime {

/// What the model does not read of a text, a line each: words that it does not know, tokens beyond
/// its length. UsageError for a text that is empty or holds no word that it knows.
std::vector<std::string> unread_of(const LoadedModel& loaded, const std::string& text);

}  // namespace pcnet::runtime
