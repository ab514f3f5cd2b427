#include "pcnet/synth/scene.h"

#include <algorithm>
#include <cmath>

#include "pcnet/synth/shapes.h"

namespace pcnet::synth {

namespace {

constexpr double kBorder = 5.0;  // least distance of an outline from the picture's edge, px
constexpr double kGrowth = 1.0;  // outlines grow by this before they are tested for overlap, px
constexpr double kMostTurned = 0.25;
constexpr double kLandmarksAlike = 0.5;
constexpr int kPlaces = 100;  // places tried for an object in a layout
// Objects that do not fit are drawn anew, which thins out the large ones: hence more than a half.
constexpr double kLarge = 0.68;

template <class Enum>
Enum any(core::Rng& rng, std::size_t count) {
  return static_cast<Enum>(rng.below(count));
}

template <class Enum>
Enum other(core::Rng& rng, Enum now, std::size_t count) {
  const auto step = 1 + rng.below(count - 1);
  return static_cast<Enum>((static_cast<std::size_t>(now) + step) % count);
}

Attributes random_attributes(const Recipe& recipe, core::Rng& rng) {
  Attributes attributes;
  attributes.shape = any<Shape>(rng, kShapeWords.size());
  attributes.colour = any<Colour>(rng, kColourWords.size());
  if (recipe.patterns) attributes.pattern = any<Pattern>(rng, kPatternWords.size());
  attributes.size = rng.chance(kLarge) ? Size::kLarge : Size::kSmall;
  return attributes;
}

void change_one(Attributes& attributes, const Recipe& recipe, core::Rng& rng) {
  const double which = rng.uniform();
  const double colour_from = recipe.change_shape;
  const double pattern_from = colour_from + recipe.change_colour;
  const double size_from = pattern_from + recipe.change_pattern;
  if (which < colour_from) {
    attributes.shape = other(rng, attributes.shape, kShapeWords.size());
  } else if (which < pattern_from) {
    attributes.colour = other(rng, attributes.colour, kColourWords.size());
  } else if (which < size_from) {
    attributes.pattern = other(rng, attributes.pattern, kPatternWords.size());
  } else {
    attributes.size = other(rng, attributes.size, kSizeWords.size());
  }
}

std::vector<Attributes> draw_attributes(const Recipe& recipe, int count, core::Rng& rng) {
  std::vector<Attributes> all = {random_attributes(recipe, rng)};
  while (static_cast<int>(all.size()) < count) {
    const double kind = rng.uniform();
    if (kind >= recipe.twin + recipe.one_changed) {
      all.push_back(random_attributes(recipe, rng));
      continue;
    }
    Attributes copy = rng.chance(recipe.first) ? all.front() : rng.pick(all);
    if (kind >= recipe.twin) change_one(copy, recipe, rng);
    all.push_back(copy);
  }
  return all;
}

// Look-alikes of one shape, then the landmarks, of other shapes; a second one often looks like the
// first.
std::vector<Attributes> draw_family(const Recipe& recipe, int count, core::Rng& rng) {
  std::vector<Attributes> all = {random_attributes(recipe, rng)};
  while (static_cast<int>(all.size()) < count - recipe.landmarks) {
    Attributes copy = rng.chance(recipe.first) ? all.front() : rng.pick(all);
    if (!rng.chance(recipe.twin)) change_one(copy, recipe, rng);
    all.push_back(copy);
  }
  const Shape shape = all.front().shape;
  while (static_cast<int>(all.size()) < count) {
    Attributes landmark = all.back();
    if (landmark.shape != shape && rng.chance(kLandmarksAlike)) {
      change_one(landmark, recipe, rng);
    } else {
      landmark = random_attributes(recipe, rng);
      landmark.shape = other(rng, shape, kShapeWords.size());
    }
    all.push_back(landmark);
  }
  return all;
}

void rasterise(Object& object, int side) {
  object.polygon =
      outline(object.attributes.shape, object.x, object.y, object.radius, object.angle);
  object.rle = image::from_polygon(object.polygon, side, side);
  object.mask = image::decode(object.rle);
}

double far(const Object& object) { return object.radius * reach(object.attributes.shape); }

struct Point {
  double x;
  double y;
};

// Twice the area of the triangle a b c; its sign tells on which side of a-b the point c lies.
double turn(Point a, Point b, Point c) {
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

bool cross_each_other(Point a, Point b, Point c, Point d) {
  return turn(a, b, c) * turn(a, b, d) <= 0 && turn(c, d, a) * turn(c, d, b) <= 0;
}

std::vector<Point> grown_outline(const Object& object) {
  const auto xy =
      outline(object.attributes.shape, object.x, object.y, object.radius + kGrowth, object.angle);
  std::vector<Point> points;
  for (std::size_t i = 0; i < xy.size(); i += 2) points.push_back({xy[i], xy[i + 1]});
  return points;
}

bool outlines_cross(const Object& first, const Object& second) {
  const std::vector<Point> a = grown_outline(first);
  const std::vector<Point> b = grown_outline(second);
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < b.size(); ++j) {
      if (cross_each_other(a[i], a[(i + 1) % a.size()], b[j], b[(j + 1) % b.size()])) return true;
    }
  }
  return false;
}

// Far apart by their discs, or near with outlines that do not cross even when both grow.
bool apart(const Object& a, const Object& b) {
  const double dx = a.x - b.x;
  const double dy = a.y - b.y;
  const double squared = dx * dx + dy * dy;
  const double surely = far(a) + far(b) + 2.0 * kGrowth;
  if (squared >= surely * surely) return true;
  const double never = a.radius * inner(a.attributes.shape) + b.radius * inner(b.attributes.shape);
  return squared >= never * never && !outlines_cross(a, b);
}

// Places the object apart from those before it; false when no place was found.
bool place(Object& object, const std::vector<Object>& before, int side, core::Rng& rng) {
  const double low = kBorder + far(object);
  const double high = side - low;
  for (int attempt = 0; attempt < kPlaces; ++attempt) {
    object.x = rng.uniform(low, high);
    object.y = rng.uniform(low, high);
    const auto clear = [&](const Object& earlier) { return apart(object, earlier); };
    if (std::all_of(before.begin(), before.end(), clear)) return true;
  }
  return false;
}

// The large ones are placed first: the small ones fit into what is left.
bool lay_out(std::vector<Object>& objects, const std::vector<Attributes>& attributes,
             const Recipe& recipe, core::Rng& rng) {
  objects.clear();
  for (const Size size : {Size::kLarge, Size::kSmall}) {
    for (const Attributes& wanted : attributes) {
      if (wanted.size != size) continue;
      Object object;
      object.attributes = wanted;
      const bool small = size == Size::kSmall;
      object.radius = recipe.scale * (small ? rng.uniform(11.0, 12.5) : rng.uniform(17.5, 19.5));
      object.angle = rng.uniform(-kMostTurned, kMostTurned);
      if (!place(object, objects, recipe.side, rng)) return false;
      objects.push_back(object);
    }
  }
  return true;
}

// Pixels are the last word: two objects never share one.
bool disjoint(const std::vector<Object>& objects) {
  for (std::size_t i = 0; i < objects.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (image::intersection(objects[i].rle, objects[j].rle) > 0) return false;
    }
  }
  return true;
}

}  // namespace

bool Phrase::matches(const Attributes& attributes) const {
  return attributes.shape == shape && (!colour || *colour == attributes.colour) &&
         (!pattern || *pattern == attributes.pattern) && (!size || *size == attributes.size);
}

std::string Phrase::words() const {
  std::string text;
  if (size) text += std::string(kSizeWords[static_cast<std::size_t>(*size)]) + " ";
  if (pattern) text += std::string(kPatternWords[static_cast<std::size_t>(*pattern)]) + " ";
  if (colour) text += std::string(kColourWords[static_cast<std::size_t>(*colour)]) + " ";
  return text + kShapeWords[static_cast<std::size_t>(shape)];
}

Phrase phrase_of(const Attributes& attributes, unsigned subset) {
  Phrase phrase;
  phrase.shape = attributes.shape;
  if ((subset & 1U) != 0) phrase.colour = attributes.colour;
  if ((subset & 2U) != 0) phrase.pattern = attributes.pattern;
  if ((subset & 4U) != 0) phrase.size = attributes.size;
  return phrase;
}

Scene make_scene(const Recipe& recipe, core::Rng& rng) {
  Scene scene;
  scene.side = recipe.side;
  int count = recipe.fewest;
  while (count < recipe.most && rng.chance(recipe.extra)) ++count;
  for (bool placed = false; !placed;) {
    const std::vector<Attributes> attributes = recipe.landmarks > 0
                                                   ? draw_family(recipe, count, rng)
                                                   : draw_attributes(recipe, count, rng);
    for (int layout = 0; layout < recipe.layouts && !placed; ++layout) {
      placed = lay_out(scene.objects, attributes, recipe, rng);
    }
    for (Object& object : scene.objects) rasterise(object, recipe.side);
    placed = placed && disjoint(scene.objects);
  }
  rng.shuffle(scene.objects);  // the order of the annotations must not tell who was copied
  return scene;
}

}  // namespace pcnet::synth
