#pragma once

#include <array>
#include <string_view>

#include "pcnet/config/choice.h"

/// The choices of the training; what each means stands at its key.
namespace pcnet::config {

enum class Objective { kContrastive, kReferring };
constexpr std::array<std::string_view, 2> words(Objective) { return {"contrastive", "referring"}; }

enum class StepPrecision { kFp32, kTf32, kBf16, kFp16, kAuto };
constexpr std::array<std::string_view, 5> words(StepPrecision) {
  return {"fp32", "tf32", "bf16", "fp16", "auto"};
}

enum class Figure { kPointM, kMiou, kOiou };
constexpr std::array<std::string_view, 3> words(Figure) { return {"point_m", "miou", "oiou"}; }

enum class OnNonFinite { kStop, kSkip };
constexpr std::array<std::string_view, 2> words(OnNonFinite) { return {"stop", "skip"}; }

}  // namespace pcnet::config
