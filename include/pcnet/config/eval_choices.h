#pragma once

#include <array>
#include <string_view>

#include "pcnet/config/choice.h"

/// The choices of the evaluation; what each means stands at its key.
namespace pcnet::config {

enum class EvalMethod { kModel, kClipCrop, kClipGlobalLocal, kClipMap };
constexpr std::array<std::string_view, 4> words(EvalMethod) {
  return {"model", "clip-crop", "clip-global-local", "clip-map"};
}
/// Whether a method answers with one of the stored proposals.
constexpr bool chooses_proposals(EvalMethod method) {
  return method == EvalMethod::kClipCrop || method == EvalMethod::kClipGlobalLocal;
}

enum class EvalPrecision { kFp32, kBf16, kFp16 };
constexpr std::array<std::string_view, 3> words(EvalPrecision) { return {"fp32", "bf16", "fp16"}; }

enum class MapResize { kOnce, kReleased };
constexpr std::array<std::string_view, 2> words(MapResize) { return {"once", "released"}; }

/// Where the mask of an answer comes from (docs/method.md#segmentors).
enum class Segmentor {
  kNone,            ///< the map itself
  kProposal,        ///< the proposal with the highest response in it
  kSam,             ///< Segment Anything, clicked at the peak
  kOracleProposal,  ///< the best proposal by ground truth
  kOraclePoint,     ///< Segment Anything, clicked at a point of the ground truth
  kOracleBestOf3,  ///< Segment Anything, clicked at the peak: the best of its masks by ground truth
};
constexpr std::array<std::string_view, 6> words(Segmentor) {
  return {"none", "proposal", "sam", "oracle-proposal", "oracle-point", "oracle-best-of-3"};
}
constexpr bool needs_proposals(Segmentor segmentor) {
  return segmentor == Segmentor::kProposal || segmentor == Segmentor::kOracleProposal;
}
constexpr bool needs_sam(Segmentor segmentor) {
  return segmentor == Segmentor::kSam || segmentor == Segmentor::kOraclePoint ||
         segmentor == Segmentor::kOracleBestOf3;
}
constexpr bool needs_ground_truth(Segmentor segmentor) {
  return segmentor == Segmentor::kOracleProposal || segmentor == Segmentor::kOraclePoint ||
         segmentor == Segmentor::kOracleBestOf3;
}

/// Which of several proposals with the same response is taken.
enum class ProposalTie { kSmallest, kLargest, kFirst };
constexpr std::array<std::string_view, 3> words(ProposalTie) {
  return {"smallest", "largest", "first"};
}

/// Which of the masks that Segment Anything gives for a click is taken.
enum class SamMask {
  kBest,     ///< of three, the one with the highest predicted IoU
  kSingle,   ///< the one that stands alone
  kLargest,  ///< of three
};
constexpr std::array<std::string_view, 3> words(SamMask) { return {"best", "single", "largest"}; }

/// Where an object of the ground truth is clicked (image/mask_points.h).
enum class SamPoint { kInterior, kCentroid, kRandom };
constexpr std::array<std::string_view, 3> words(SamPoint) {
  return {"interior", "centroid", "random"};
}

/// What an object drawn by several polygons covers (docs/method.md#paper-released-code-tris).
enum class GroundTruth {
  kUnion,      ///< every pixel of any of its polygons: the paper
  kExclusive,  ///< pixels of exactly one: where polygons overlap is background, as in released code
};
constexpr std::array<std::string_view, 2> words(GroundTruth) { return {"union", "exclusive"}; }

enum class EvaluatedSentences { kAll, kFirst };
constexpr std::array<std::string_view, 2> words(EvaluatedSentences) { return {"all", "first"}; }

}  // namespace pcnet::config
