#pragma once

#include <array>
#include <string_view>

#include "pcnet/config/choice.h"

/// The choices of the loss terms; what each means stands at its key.
namespace pcnet::config {

enum class ProposalScore { kMax, kMean };
constexpr std::array<std::string_view, 2> words(ProposalScore) { return {"max", "mean"}; }

enum class TermStages { kAll, kLast };
constexpr std::array<std::string_view, 2> words(TermStages) { return {"all", "last"}; }

enum class ScoredMaps { kResponse, kLogits };
constexpr std::array<std::string_view, 2> words(ScoredMaps) { return {"response", "logits"}; }

enum class Surrogate { kScores, kSoftmax };
constexpr std::array<std::string_view, 2> words(Surrogate) { return {"scores", "softmax"}; }

enum class AgreementGradient { kSquaredDifference, kInnerProduct, kSoftmax };
constexpr std::array<std::string_view, 3> words(AgreementGradient) {
  return {"squared_difference", "inner_product", "softmax"};
}

enum class IndexDistance { kSquaredL2, kHalfL1 };
constexpr std::array<std::string_view, 2> words(IndexDistance) { return {"squared_l2", "half_l1"}; }

enum class Foreground { kResponse, kClipScore };
constexpr std::array<std::string_view, 2> words(Foreground) { return {"response", "clip_score"}; }

enum class Background { kUnion, kStrongest };
constexpr std::array<std::string_view, 2> words(Background) { return {"union", "strongest"}; }

enum class IouDenominator { kUnion, kSum };
constexpr std::array<std::string_view, 2> words(IouDenominator) { return {"union", "sum"}; }

enum class ShrinkingForm { kHinge, kReleased };
constexpr std::array<std::string_view, 2> words(ShrinkingForm) { return {"hinge", "released"}; }

enum class CalibrationMask { kResponse, kSigmoid };
constexpr std::array<std::string_view, 2> words(CalibrationMask) { return {"response", "sigmoid"}; }

enum class MapsToGrid { kLogits, kReleased };
constexpr std::array<std::string_view, 2> words(MapsToGrid) { return {"logits", "released"}; }

enum class OverlapMean { kAll, kMeeting };
constexpr std::array<std::string_view, 2> words(OverlapMean) { return {"all", "meeting"}; }

enum class ScoreTie { kSmallest, kFirst };
constexpr std::array<std::string_view, 2> words(ScoreTie) { return {"smallest", "first"}; }

enum class ProposalResize { kArea, kNearest };
constexpr std::array<std::string_view, 2> words(ProposalResize) { return {"area", "nearest"}; }

}  // namespace pcnet::config
