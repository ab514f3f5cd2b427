#pragma once

#include <array>
#include <string_view>

#include "pcnet/config/choice.h"

/// The choices of the evaluation; what each means stands at its key.
namespace pcnet::config {

enum class MapResize { kOnce, kReleased };
constexpr std::array<std::string_view, 2> words(MapResize) { return {"once", "released"}; }

enum class Segmentor { kNone, kProposal, kOracleProposal };
constexpr std::array<std::string_view, 3> words(Segmentor) {
  return {"none", "proposal", "oracle-proposal"};
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
