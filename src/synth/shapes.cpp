#include "pcnet/synth/shapes.h"

#include <array>
#include <cmath>

namespace pcnet::synth {

namespace {

struct Corner {
  double x;
  double y;
};

// Sizes relative to the radius, chosen so that the shapes look alike in size.
constexpr double kSquareHalf = 0.90;
constexpr double kTriangleReach = 1.22;
constexpr double kCrossArm = 1.05;
constexpr double kCrossHalfWidth = 0.38;
constexpr double kStarReach = 1.20;
constexpr double kStarInner = 0.50;  // of kStarReach

Corner turned(Corner p, Corner by) { return {p.x * by.x - p.y * by.y, p.x * by.y + p.y * by.x}; }

// Cosine and sine by their series; for |angle| <= 0.5 the error is below 1e-9.
Corner direction(double angle) {
  const double s = angle * angle;
  return {1.0 - s / 2.0 * (1.0 - s / 12.0 * (1.0 - s / 30.0 * (1.0 - s / 56.0))),
          angle * (1.0 - s / 6.0 * (1.0 - s / 20.0 * (1.0 - s / 42.0)))};
}

// `count` points on a circle, the first one straight up, `step` the direction of the first step.
std::vector<Corner> ring(int count, double radius, Corner step) {
  std::vector<Corner> points;
  Corner p = {0.0, -radius};
  for (int i = 0; i < count; ++i) {
    points.push_back(p);
    p = turned(p, step);
  }
  return points;
}

std::vector<Corner> star() {
  // cos and sin of 36 degrees.
  std::vector<Corner> points = ring(10, kStarReach, {0.80901699437494742, 0.58778525229247313});
  for (std::size_t i = 1; i < points.size(); i += 2) {
    points[i] = {points[i].x * kStarInner, points[i].y * kStarInner};
  }
  return points;
}

std::vector<Corner> unit_outline(Shape shape) {
  constexpr double h = kSquareHalf;
  constexpr double t = kTriangleReach;
  constexpr double a = kCrossArm;
  constexpr double w = kCrossHalfWidth;
  switch (shape) {
    case Shape::kCircle:  // cos and sin of 360 / 32 degrees
      return ring(32, 1.0, {0.98078528040323043, 0.19509032201612825});
    case Shape::kSquare:
      return {{-h, -h}, {h, -h}, {h, h}, {-h, h}};
    case Shape::kTriangle:
      return {{0.0, -t}, {0.86602540378443860 * t, 0.5 * t}, {-0.86602540378443860 * t, 0.5 * t}};
    case Shape::kCross:
      return {{-w, -a}, {w, -a}, {w, -w}, {a, -w}, {a, w},   {w, w},
              {w, a},   {-w, a}, {-w, w}, {-a, w}, {-a, -w}, {-w, -w}};
    case Shape::kStar:
      return star();
  }
  return {};
}

std::array<std::vector<Corner>, kShapeWords.size()> all_outlines() {
  std::array<std::vector<Corner>, kShapeWords.size()> outlines;
  for (std::size_t shape = 0; shape < outlines.size(); ++shape) {
    outlines[shape] = unit_outline(static_cast<Shape>(shape));
  }
  return outlines;
}

double rounded(double value) { return std::floor(value * 100.0 + 0.5) / 100.0; }

}  // namespace

double reach(Shape shape) {
  switch (shape) {
    case Shape::kCircle:
      return 1.0;
    case Shape::kSquare:
      return kSquareHalf * 1.41421356237309505;
    case Shape::kTriangle:
      return kTriangleReach;
    case Shape::kCross:
      return std::sqrt(kCrossArm * kCrossArm + kCrossHalfWidth * kCrossHalfWidth);
    case Shape::kStar:
      return kStarReach;
  }
  return 0;
}

double inner(Shape shape) {
  switch (shape) {
    case Shape::kCircle:
      return 0.995;  // the outline is a polygon
    case Shape::kSquare:
      return kSquareHalf;
    case Shape::kTriangle:
      return 0.5 * kTriangleReach;
    case Shape::kCross:
      return kCrossHalfWidth;
    case Shape::kStar:
      return 0.9 * kStarInner * kStarReach;
  }
  return 0;
}

std::vector<double> outline(Shape shape, double x, double y, double radius, double angle) {
  static const std::array<std::vector<Corner>, kShapeWords.size()> units = all_outlines();
  std::vector<double> xy;
  const Corner by = direction(angle);
  for (const Corner& unit : units[static_cast<std::size_t>(shape)]) {
    const Corner p = turned(unit, by);
    xy.push_back(rounded(x + radius * p.x));
    xy.push_back(rounded(y + radius * p.y));
  }
  return xy;
}

}  // namespace pcnet::synth
