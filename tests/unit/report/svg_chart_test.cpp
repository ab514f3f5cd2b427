#include "pcnet/report/svg_chart.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pcnet::report {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::size_t times(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(Ticks, AreRoundNumbersWithinTheRange) {
  EXPECT_THAT(ticks(0, 100), ElementsAre(0, 20, 40, 60, 80, 100));
  EXPECT_THAT(ticks(-0.25, 0.31),
              ElementsAre(-0.2, -0.1, 0, 0.1, DoubleNear(0.2, 1e-12), DoubleNear(0.3, 1e-12)));
  EXPECT_THAT(ticks(3, 4.1), ElementsAre(3, DoubleNear(3.2, 1e-12), DoubleNear(3.4, 1e-12),
                                         DoubleNear(3.6, 1e-12), DoubleNear(3.8, 1e-12), 4));
}

TEST(Ticks, EndBetweenNeighbouringNumbers) {
  EXPECT_LE(ticks(1e20, 1e20 + 16384).size(), 20U);  // two doubles with none between
}

TEST(MovingMean, IsShorterAtTheEnds) {
  EXPECT_THAT(moving_mean({1, 2, 6, 3, 4}, 3),
              ElementsAre(1.5, 3, DoubleNear(11.0 / 3, 1e-12), DoubleNear(13.0 / 3, 1e-12), 3.5));
  EXPECT_THAT(moving_mean({5, 7}, 1), ElementsAre(5, 7));
  EXPECT_TRUE(moving_mean({}, 3).empty());
}

TEST(LineChart, DrawsEachCurveInItsPlacesColour) {
  const std::string svg =
      line_chart({.title = "a <b>",
                  .unit = "percent",
                  .curves = {{"x", {{0, 1}, {10, 2}}}, {"y", {}}, {"z", {{5, 1.5}}}}});
  EXPECT_THAT(svg, HasSubstr("aria-label=\"a &lt;b&gt;\""));
  EXPECT_THAT(svg, HasSubstr("class=\"line c0\""));
  EXPECT_THAT(svg, Not(HasSubstr("c1\"")));
  EXPECT_THAT(svg, HasSubstr("class=\"dot c2\""));  // a single point is seen
  EXPECT_THAT(svg, HasSubstr(">percent</text>"));
  EXPECT_EQ(times(svg, "<svg"), times(svg, "</svg>"));
}

TEST(LineChart, PutsTheFirstStepAtTheLeftAndLargeValuesAbove) {
  const std::string svg =
      line_chart({.title = "", .unit = "", .curves = {{"x", {{0, 1}, {10, 2}}}}});
  const std::string start = "class=\"line c0\" points=\"";
  const auto at = svg.find(start) + start.size();
  double x[2];
  double y[2];
  ASSERT_EQ(std::sscanf(svg.c_str() + at, "%lf,%lf %lf,%lf", &x[0], &y[0], &x[1], &y[1]), 4);
  EXPECT_LT(x[0], x[1]);
  EXPECT_GT(y[0], y[1]);
}

TEST(LineChart, ThinsLongCurvesButKeepsTheirPeaks) {
  Curve curve{"x", {}};
  for (int i = 0; i < 100000; ++i) curve.points.emplace_back(i, i == 54321 ? 100 : i % 7);
  const std::string svg =
      line_chart({.title = "", .unit = "", .curves = {curve}, .smoothing = 101});
  EXPECT_LT(svg.size(), 30000U);
  EXPECT_THAT(svg, HasSubstr("line pale c0"));
  EXPECT_EQ(times(svg, "class=\"line c0\""), 1U);
  // The peak is the only point high above: its pixel lies in the upper tenth of the chart.
  const std::string start = "line pale c0\" points=\"";
  const auto at = svg.find(start) + start.size();
  double top = 1e9;
  for (const char* text = svg.c_str() + at; *text != '"';) {
    double x = 0;
    double y = 0;
    int read = 0;
    ASSERT_EQ(std::sscanf(text, "%lf,%lf%n", &x, &y, &read), 2);
    top = std::min(top, y);
    text += read;
    if (*text == ' ') ++text;
  }
  EXPECT_LT(top, 35);
}

TEST(LineChart, SaysThatThereIsNothing) {
  EXPECT_THAT(line_chart({.title = "", .unit = "", .curves = {{"x", {}}}}),
              HasSubstr("nothing was logged"));
}

TEST(LineChart, HasAWidthForAConstant) {
  const std::string svg =
      line_chart({.title = "", .unit = "", .curves = {{"x", {{0, 0}, {1, 0}}}}});
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
}

using Entry = IntervalRow::Entry;

TEST(IntervalChart, HasALineAndADotAnEntry) {
  const std::string svg = interval_chart(
      "PointM",
      {{"position", {Entry{40, 30, 50}, Entry{60, 55, 65}}}, {"<attribute>", {Entry{90, 88, 92}}}});
  EXPECT_EQ(times(svg, "<circle"), 3U);
  EXPECT_EQ(times(svg, "class=\"line c0\""), 2U);
  EXPECT_EQ(times(svg, "class=\"line c1\""), 1U);
  EXPECT_THAT(svg, HasSubstr("&lt;attribute&gt;"));
}

TEST(IntervalChart, LeavesOutWhatASeriesLacksAndKeepsItsColour) {
  const std::string svg =
      interval_chart("PointM", {{"position", {std::nullopt, Entry{60, 55, 65}}}});
  EXPECT_EQ(times(svg, "<circle"), 1U);
  EXPECT_EQ(times(svg, "class=\"line c0\""), 0U);
  EXPECT_EQ(times(svg, "class=\"line c1\""), 1U);
}

}  // namespace
}  // namespace pcnet::report
