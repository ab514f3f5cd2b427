#pragma once

#include <vector>

#include "pcnet/synth/scene.h"

namespace pcnet::synth {

/// The largest distance of the shape's outline from its centre, for a radius of one.
double reach(Shape shape);

/// The radius of a disc about the centre that lies inside the outline, for a radius of one.
double inner(Shape shape);

/// The shape's outline as x0, y0, x1, y1, ..., rounded to 0.01 px. Only + - * are used, so that
/// the numbers are the same on every machine. @param angle radians, |angle| <= 0.5
std::vector<double> outline(Shape shape, double x, double y, double radius, double angle);

}  // namespace pcnet::synth
