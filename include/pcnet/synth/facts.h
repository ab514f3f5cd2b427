#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "pcnet/core/random.h"
#include "pcnet/synth/recipe.h"
#include "pcnet/synth/scene.h"

namespace pcnet::synth {

enum class Direction { kLeft, kRight, kAbove, kBelow };

/// Left or right.
inline bool is_across(Direction direction) { return direction <= Direction::kRight; }
/// The other one of left and right, of above and below.
Direction opposite(Direction direction);

enum class FactKind { kColour, kPattern, kSize, kPlace, kRelation };

/// One thing that a long sentence says of its object beside the noun.
struct Fact {
  FactKind kind = FactKind::kColour;
  Phrase phrase;  // noun and this one attribute; of a relation: the landmark
  Direction direction = Direction::kLeft;  // half of the picture, or side of the landmark
  bool definite = false;                   // "the" landmark: no other object matches its phrase

  bool is_attribute() const { return kind <= FactKind::kSize; }
};

/// Least distance from the middle for an object to be in a half of the picture, pixels.
inline constexpr double kHalfMargin = 6.0;

enum class Truth { kFalse, kUnclear, kTrue };

/// Whether the fact holds for the object; places within a margin (kClearMargin, kHalfMargin) are
/// unclear. No object is its own landmark.
Truth truth(const Scene& scene, std::size_t object, const Fact& fact);

/// Combinations held out from training, fixed: a colour and a pattern of each shape, left and right
/// of triangles, above and below circles.
bool is_held_out(const Fact& fact);

/// What the held-out combinations are, one a text: "green circle".
std::vector<std::string> held_out_texts();

/// Facts that clearly hold for the object: its attributes, its halves, its neighbours with zero to
/// three attributes each, thinned where those do not tell them from others. Without held-out ones
/// unless `recipe.unseen`.
std::vector<Fact> true_facts(const Scene& scene, std::size_t object, const Recipe& recipe,
                             core::Rng& rng);

}  // namespace pcnet::synth
