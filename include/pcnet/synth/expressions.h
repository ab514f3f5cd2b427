#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "pcnet/core/random.h"
#include "pcnet/synth/recipe.h"
#include "pcnet/synth/scene.h"

namespace pcnet::synth {

/// What singles the object out: its attributes, its place among its twins, or a neighbour; in the
/// long language also place and neighbours together.
enum class Kind { kAttribute, kPosition, kRelation, kBoth };
inline constexpr std::array<const char*, 4> kKindWords = {"attribute", "position", "relation",
                                                          "both"};

enum class Side { kLeft, kRight };
inline constexpr std::array<const char*, 2> kSideWords = {"left", "right"};

/// A sentence that holds for exactly one object of its picture.
struct Expression {
  std::size_t object = 0;  // index into the scene's objects
  Kind kind = Kind::kAttribute;
  Phrase phrase;
  std::optional<Side> side;         // of the twins, or of the neighbour
  std::optional<Phrase> neighbour;  // relation only: a colour and a shape
  std::string text;
  std::vector<std::string> cues = {};  // different ones
  // Of the long language alone.
  int needed = 0;       // the fewest of its facts that single the object out
  bool unseen = false;  // it names a combination that is held out
};

/// Least difference of two centres' x for "left" and "right" to be said of them, pixels.
inline constexpr double kClearMargin = 8.0;

/// The expressions of a picture, grouped by object in the scene's order.
std::vector<Expression> make_expressions(const Scene& scene, const Recipe& recipe, core::Rng& rng);

/// The objects that the phrase is true of.
std::vector<std::size_t> matching(const Scene& scene, const Phrase& phrase);

/// The words of a text.
std::vector<std::string> split_words(const std::string& text);

}  // namespace pcnet::synth
