#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "pcnet/report/run_history.h"

/// Charts as SVG elements inside of a page; colours are the page's (html_page.h).
namespace pcnet::report {

/// Curves over steps.
struct LineChart {
  std::string title = {};          ///< for those who do not see it
  std::string unit = {};           ///< of the values; beside their axis
  std::vector<Curve> curves = {};  ///< one colour each, by place; those without points are left out
  std::vector<bool> marked = {};   ///< curves of which each point is marked; none: no curve's are
  std::size_t smoothing = 1;  ///< points of a moving mean, drawn over the pale values, of which
                              ///< the most extreme hundredth may lie at the frame; 1: none
};

/// The chart with axes, ticks and labels; a note in its place when no curve has a point.
std::string line_chart(const LineChart& chart);

/// A row of an interval chart: a value for each series, with its interval.
struct IntervalRow {
  struct Entry {
    double value = 0;
    double low = 0;
    double high = 0;
  };
  std::string name;
  std::vector<std::optional<Entry>> entries;  ///< one a series, by place; nothing: it has none
};

/// Values as dots with their intervals as lines, on an axis of percent.
std::string interval_chart(const std::string& title, const std::vector<IntervalRow>& rows);

/// Round numbers within the range, four to nine of them.
std::vector<double> ticks(double low, double high);

/// The mean of so many values around each; fewer at the ends.
std::vector<double> moving_mean(const std::vector<double>& values, std::size_t width);

}  // namespace pcnet::report
