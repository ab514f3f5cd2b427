#include "pcnet/report/svg_chart.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "pcnet/core/format.h"
#include "pcnet/report/html_page.h"

namespace pcnet::report {

using core::cat;
using core::fixed;

namespace {

constexpr double kWidth = 480;
constexpr double kHeight = 250;
constexpr double kLeft = 58;
constexpr double kRight = 14;
constexpr double kTop = 20;
constexpr double kBottom = 40;
constexpr std::size_t kMostPoints = 400;  // of a curve: more than there are pixels say nothing

/// A range of values, laid out over a range of pixels.
struct Scale {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  double first = 0;  // pixel of `low`
  double last = 0;

  void take_in(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  /// Room around, so that nothing lies on the frame.
  void widen(double share) {
    double room = (high - low) * share;
    if (room == 0) room = high == 0 ? 1 : std::abs(high) * 0.1;
    low -= room;
    high += room;
  }
  /// Values beyond lie at the edge.
  std::string at(double value) const {
    const double share = (std::clamp(value, low, high) - low) / (high - low);
    return fixed(first + share * (last - first), 1);
  }
};

using Points = std::vector<std::pair<double, double>>;

/// Of each stretch of points the mean one, or the lowest and the highest.
Points thinned(const Points& points, bool extremes) {
  const std::size_t most = extremes ? kMostPoints / 2 : kMostPoints;
  if (points.size() <= most) return points;
  Points kept;
  for (std::size_t i = 0; i < most; ++i) {
    const auto from = points.begin() + static_cast<std::ptrdiff_t>(i * points.size() / most);
    const auto to = points.begin() + static_cast<std::ptrdiff_t>((i + 1) * points.size() / most);
    if (!extremes) {
      kept.push_back(*(from + (to - from) / 2));
      continue;
    }
    auto [low, high] = std::minmax_element(
        from, to, [](const auto& a, const auto& b) { return a.second < b.second; });
    if (high < low) std::swap(low, high);
    kept.push_back(*low);
    if (high != low) kept.push_back(*high);
  }
  return kept;
}

std::string polyline(const Points& points, const Scale& x, const Scale& y,
                     const std::string& css_class) {
  std::string path;
  for (const auto& [step, value] : points) path += cat(" ", x.at(step), ",", y.at(value));
  return cat("<polyline class=\"", css_class, "\" points=\"", path.substr(path.empty() ? 0 : 1),
             "\"/>");
}

std::string label(const std::string& x, const std::string& y, const char* anchor,
                  const std::string& text) {
  return cat("<text x=\"", x, "\" y=\"", y, "\" text-anchor=\"", anchor, "\">", html_text(text),
             "</text>");
}

std::string grid_line(const std::string& x1, const std::string& y1, const std::string& x2,
                      const std::string& y2) {
  return cat("<line class=\"grid\" x1=\"", x1, "\" y1=\"", y1, "\" x2=\"", x2, "\" y2=\"", y2,
             "\"/>");
}

std::string opening(const std::string& title, double height) {
  return cat("<svg class=\"chart\" role=\"img\" viewBox=\"0 0 ", kWidth, " ", height,
             "\" aria-label=\"", html_text(title), "\"><title>", html_text(title), "</title>");
}

std::string axes(const Scale& x, const Scale& y, const std::string& unit) {
  std::string out;
  const std::string bottom = fixed(kHeight - kBottom, 1);
  for (const double tick : ticks(y.low, y.high)) {
    const std::string at = y.at(tick);
    out += grid_line(fixed(kLeft, 1), at, fixed(kWidth - kRight, 1), at);
    out += cat("<g class=\"tick\">", label(fixed(kLeft - 6, 1), at, "end", cat(tick)), "</g>");
  }
  for (const double tick : ticks(x.low, x.high)) {
    if (tick != std::round(tick)) continue;  // steps are whole
    out += grid_line(x.at(tick), fixed(kTop, 1), x.at(tick), bottom);
    out += label(x.at(tick), fixed(kHeight - kBottom + 16, 1), "middle", fixed(tick, 0));
  }
  out += cat("<polyline class=\"axis\" points=\"", kLeft, ",", kTop, " ", kLeft, ",", bottom, " ",
             kWidth - kRight, ",", bottom, "\"/>");
  out += label(fixed((kLeft + kWidth - kRight) / 2, 1), fixed(kHeight - 6, 1), "middle", "step");
  return out + label(fixed(kLeft, 1), "13", "start", unit);
}

std::string drawn(const Curve& curve, std::size_t place, bool marked, std::size_t smoothing,
                  const Scale& x, const Scale& y) {
  const std::string colour = cat("c", place % kColours);
  Points points;
  std::vector<double> values;
  for (const auto& [step, value] : curve.points) {
    points.emplace_back(static_cast<double>(step), value);
    values.push_back(value);
  }
  if (smoothing < 2) {
    std::string out = polyline(thinned(points, true), x, y, cat("line ", colour));
    if (!marked && points.size() > 1) return out;
    for (const auto& [step, value] : points) {
      out += cat("<circle class=\"dot ", colour, "\" r=\"3\" cx=\"", x.at(step), "\" cy=\"",
                 y.at(value), "\"/>");
    }
    return out;
  }
  const auto means = moving_mean(values, smoothing);
  Points smooth = points;
  for (std::size_t i = 0; i < smooth.size(); ++i) smooth[i].second = means[i];
  return polyline(thinned(points, true), x, y, cat("line pale ", colour)) +
         polyline(thinned(smooth, false), x, y, cat("line ", colour));
}

/// What the values' axis must show: all, or, of smoothed ones, all but the most extreme hundredth,
/// which would flatten the rest, and the means.
void take_in_values(const Curve& curve, std::size_t smoothing, Scale& y) {
  std::vector<double> values;
  for (const auto& [step, value] : curve.points) values.push_back(value);
  std::size_t beyond = 0;
  if (smoothing > 1) {
    for (const double mean : moving_mean(values, smoothing)) y.take_in(mean);
    beyond = values.size() / 200;
  }
  std::sort(values.begin(), values.end());
  for (std::size_t i = beyond; i + beyond < values.size(); ++i) y.take_in(values[i]);
}

}  // namespace

std::vector<double> ticks(double low, double high) {
  const double rough = (high - low) / 5;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  const double share = rough / power;
  const double step = power * (share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10);
  constexpr int kMost = 20;  // neighbouring doubles may have no round number between them
  std::vector<double> found;
  for (int i = 0; i < kMost; ++i) {
    const double tick = (std::ceil(low / step) + i) * step;
    if (!(tick <= high)) break;
    found.push_back(tick == 0 ? 0 : tick);  // no "-0"
  }
  return found;
}

std::vector<double> moving_mean(const std::vector<double>& values, std::size_t width) {
  std::vector<double> sums = {0};
  for (const double value : values) sums.push_back(sums.back() + value);
  std::vector<double> means;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t from = i - std::min(i, width / 2);
    const std::size_t to = std::min(values.size(), i + width / 2 + 1);
    means.push_back((sums[to] - sums[from]) / static_cast<double>(to - from));
  }
  return means;
}

std::string line_chart(const LineChart& chart) {
  Scale x{.first = kLeft, .last = kWidth - kRight};
  Scale y{.first = kHeight - kBottom, .last = kTop};
  for (const auto& curve : chart.curves) {
    for (const auto& [step, value] : curve.points) x.take_in(static_cast<double>(step));
    take_in_values(curve, chart.smoothing, y);
  }
  if (!(x.low <= x.high)) return "<p class=\"note\">nothing was logged</p>";
  x.take_in(0);  // where a run begins
  x.widen(0.02);
  y.widen(0.06);
  std::string out = opening(chart.title, kHeight) + axes(x, y, chart.unit);
  for (std::size_t i = 0; i < chart.curves.size(); ++i) {
    const bool marked = i < chart.marked.size() && chart.marked[i];
    if (chart.curves[i].points.empty()) continue;
    out += drawn(chart.curves[i], i, marked, chart.smoothing, x, y);
  }
  return out + "</svg>";
}

std::string interval_chart(const std::string& title, const std::vector<IntervalRow>& rows) {
  constexpr double kNames = 120;
  constexpr double kRow = 18;
  Scale x{.low = 0, .high = 100, .first = kNames, .last = kWidth - 2 * kRight};
  std::size_t lines = 0;
  for (const auto& row : rows) lines += row.entries.size() + 1;
  const double bottom = kTop + kRow * static_cast<double>(lines);
  std::string out = opening(title, bottom + 24);
  for (int tick = 0; tick <= 100; tick += 20) {
    out += grid_line(x.at(tick), fixed(kTop - 6, 1), x.at(tick), fixed(bottom, 1));
    out += label(x.at(tick), fixed(bottom + 16, 1), "middle", cat(tick, " %"));
  }
  double y = kTop;
  for (const auto& row : rows) {
    const double middle = y + kRow * static_cast<double>(row.entries.size() - 1) / 2;
    out += label(fixed(kNames - 8, 1), fixed(middle + 4, 1), "end", row.name);
    for (std::size_t i = 0; i < row.entries.size(); ++i, y += kRow) {
      if (!row.entries[i]) continue;
      const auto& entry = *row.entries[i];
      const std::string colour = cat("c", i % kColours);
      out += cat("<line class=\"line ", colour, "\" x1=\"", x.at(entry.low), "\" x2=\"",
                 x.at(entry.high), "\" y1=\"", y, "\" y2=\"", y, "\"/><circle class=\"dot ", colour,
                 "\" r=\"4\" cx=\"", x.at(entry.value), "\" cy=\"", y, "\"/>");
    }
    y += kRow;
  }
  return out + "</svg>";
}

}  // namespace pcnet::report
