#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "pcnet/core/random.h"
#include "pcnet/image/picture.h"
#include "pcnet/image/rle.h"
#include "pcnet/synth/recipe.h"

namespace pcnet::synth {

enum class Shape { kCircle, kSquare, kTriangle, kCross, kStar };
enum class Colour { kRed, kGreen, kBlue, kYellow, kPurple, kCyan };
enum class Pattern { kSolid, kStriped, kDotted, kHollow };
enum class Size { kSmall, kLarge };

inline constexpr std::array<const char*, 5> kShapeWords = {"circle", "square", "triangle", "cross",
                                                           "star"};
inline constexpr std::array<const char*, 6> kColourWords = {"red",    "green",  "blue",
                                                            "yellow", "purple", "cyan"};
inline constexpr std::array<const char*, 4> kPatternWords = {"solid", "striped", "dotted",
                                                             "hollow"};
inline constexpr std::array<const char*, 2> kSizeWords = {"small", "large"};

/// What can be said of an object without saying where it is.
struct Attributes {
  Shape shape = Shape::kCircle;
  Colour colour = Colour::kRed;
  Pattern pattern = Pattern::kSolid;
  Size size = Size::kSmall;

  bool operator==(const Attributes&) const = default;
};

/// A shape and some of the other attributes: what a phrase says of an object.
struct Phrase {
  Shape shape = Shape::kCircle;
  std::optional<Colour> colour;
  std::optional<Pattern> pattern;
  std::optional<Size> size;

  bool matches(const Attributes& attributes) const;
  /// "small striped red circle", without an article.
  std::string words() const;
};

/// The phrase that says the attributes chosen by the bits of `subset`: 1 colour, 2 pattern, 4 size.
Phrase phrase_of(const Attributes& attributes, unsigned subset);

/// One object of a picture; x to the right, y down, in pixels.
struct Object {
  Attributes attributes;
  double x = 0;
  double y = 0;
  double radius = 0;
  double angle = 0;             // radians, within a quarter
  std::vector<double> polygon;  // x0, y0, x1, y1, ... rounded to 0.01
  image::Rle rle;               // COCO's rasterisation of the polygon: the ground truth
  image::Mask mask;             // the same as pixels
};

/// A picture's contents.
struct Scene {
  int side = 0;
  std::vector<Object> objects;
};

/// Draws objects by the recipe and places them apart from each other and from the border.
Scene make_scene(const Recipe& recipe, core::Rng& rng);

}  // namespace pcnet::synth
