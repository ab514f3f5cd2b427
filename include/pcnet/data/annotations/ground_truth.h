#pragma once

#include <string>

namespace pcnet::data {

/// What an object drawn by several polygons covers (docs/method.md#paper-released-code-tris).
enum class GroundTruth {
  kUnion,      ///< every pixel of any of its polygons: the paper
  kExclusive,  ///< pixels of exactly one: where polygons overlap is background, as in released code
};

/// The rule called "union" or "exclusive" (`eval.ground_truth`); UsageError for another name.
GroundTruth ground_truth_rule(const std::string& name);

}  // namespace pcnet::data
