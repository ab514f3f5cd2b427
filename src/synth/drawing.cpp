#include "pcnet/synth/drawing.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "pcnet/image/rle.h"
#include "pcnet/synth/shapes.h"

namespace pcnet::synth {

namespace {

constexpr double kGrey = 128.0;
constexpr double kLight = 35.0;           // the gradient's levels to either side of grey
constexpr double kBackgroundNoise = 9.0;  // half width of the even noise, levels
constexpr double kObjectNoise = 6.0;
constexpr double kStripePeriod = 6.0;  // px
constexpr double kStripeDark = 2.6;
constexpr double kDotPeriod = 6.5;
constexpr double kDotRadius = 2.1;
constexpr double kDark = 0.28;  // brightness of bars and dots
constexpr double kOutline = 0.28;

constexpr std::array<std::array<double, 3>, 6> kRgb = {
    {{218, 42, 40}, {40, 165, 60}, {45, 75, 222}, {236, 214, 46}, {150, 45, 180}, {50, 208, 220}}};

std::uint8_t level(double value) {
  return static_cast<std::uint8_t>(std::clamp(std::floor(value + 0.5), 0.0, 255.0));
}

// Offset inside the period, in [0, period).
double wrapped(double value, double period) { return value - period * std::floor(value / period); }

bool dark(const Object& object, double x, double y) {
  const double dx = x - object.x;
  const double dy = y - object.y;
  if (object.attributes.pattern == Pattern::kStriped) {
    // Bars across the object's own axis, a dark one in the middle.
    const double across = dy - object.angle * dx;
    return wrapped(across + 0.5 * kStripeDark, kStripePeriod) < kStripeDark;
  }
  if (object.attributes.pattern == Pattern::kDotted) {
    const double half = 0.5 * kDotPeriod;
    const double u = wrapped(dx + half, kDotPeriod) - half;
    const double v = wrapped(dy + half, kDotPeriod) - half;
    return u * u + v * v < kDotRadius * kDotRadius;
  }
  return false;
}

// Pixels of a hollow object through which the background is seen.
image::Mask hole_of(const Object& object, int side) {
  if (object.attributes.pattern != Pattern::kHollow) return {side, side};
  const auto inner = outline(object.attributes.shape, object.x, object.y,
                             object.radius * (1.0 - kOutline), object.angle);
  return image::decode(image::from_polygon(inner, side, side));
}

struct Noise {
  std::array<double, 3> levels;  // each in [-1, 1)
};

void draw_background(image::Picture& picture, const std::vector<Noise>& noise) {
  const double last = static_cast<double>(picture.height - 1);
  for (std::int64_t y = 0; y < picture.height; ++y) {
    for (std::int64_t x = 0; x < picture.width; ++x) {
      const double bright = kLight * (1.0 - 2.0 * static_cast<double>(y) / last);
      const double warm = kLight * (1.0 - 2.0 * static_cast<double>(x) / last);
      const auto& grain = noise[static_cast<std::size_t>(y * picture.width + x)].levels;
      std::uint8_t* rgb = picture.pixel(y, x);
      rgb[0] = level(kGrey + bright + warm + kBackgroundNoise * grain[0]);
      rgb[1] = level(kGrey + bright + kBackgroundNoise * grain[1]);
      rgb[2] = level(kGrey + bright - warm + kBackgroundNoise * grain[2]);
    }
  }
}

void draw_object(image::Picture& picture, const Object& object, const std::vector<Noise>& noise) {
  const image::Mask hole = hole_of(object, static_cast<int>(picture.width));
  const auto& colour = kRgb[static_cast<std::size_t>(object.attributes.colour)];
  for (std::int64_t y = 0; y < picture.height; ++y) {
    for (std::int64_t x = 0; x < picture.width; ++x) {
      if (object.mask.at(y, x) == 0 || hole.at(y, x) != 0) continue;
      const bool shaded = dark(object, static_cast<double>(x) + 0.5, static_cast<double>(y) + 0.5);
      const auto& grain = noise[static_cast<std::size_t>(y * picture.width + x)].levels;
      std::uint8_t* rgb = picture.pixel(y, x);
      for (std::size_t c = 0; c < 3; ++c) {
        rgb[c] = level((shaded ? kDark : 1.0) * colour[c] + kObjectNoise * grain[c]);
      }
    }
  }
}

}  // namespace

image::Picture draw(const Scene& scene, core::Rng& rng) {
  image::Picture picture(scene.side, scene.side);
  std::vector<Noise> noise(static_cast<std::size_t>(scene.side) *
                           static_cast<std::size_t>(scene.side));
  for (Noise& pixel : noise) {
    for (double& value : pixel.levels) value = rng.uniform(-1.0, 1.0);
  }
  draw_background(picture, noise);
  for (const Object& object : scene.objects) draw_object(picture, object, noise);
  return picture;
}

}  // namespace pcnet::synth
