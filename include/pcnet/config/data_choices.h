#pragma once

#include <array>
#include <string_view>

#include "pcnet/config/choice.h"

/// The choices of the data; what each means stands at its key.
namespace pcnet::config {

enum class Exif { kAuto, kStored, kTurned };
constexpr std::array<std::string_view, 3> words(Exif) { return {"auto", "stored", "turned"}; }

enum class Truncation { kKeepEnd, kCut };
constexpr std::array<std::string_view, 2> words(Truncation) { return {"keep_end", "cut"}; }

enum class Negatives { kAny, kDistinctObjects, kDistinctImages };
constexpr std::array<std::string_view, 3> words(Negatives) {
  return {"any", "distinct_objects", "distinct_images"};
}

enum class PictureCache { kMemory, kNone };
constexpr std::array<std::string_view, 2> words(PictureCache) { return {"memory", "none"}; }

enum class OnBadData { kError, kSkip };
constexpr std::array<std::string_view, 2> words(OnBadData) { return {"error", "skip"}; }

enum class MissingCues { kError, kSentence };
constexpr std::array<std::string_view, 2> words(MissingCues) { return {"error", "sentence"}; }

enum class FilteredProposals { kRaw, kAll, kNone };
constexpr std::array<std::string_view, 3> words(FilteredProposals) {
  return {"raw", "all", "none"};
}

}  // namespace pcnet::config
