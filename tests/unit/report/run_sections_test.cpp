#include "pcnet/report/run_sections.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/json.h"

namespace pcnet::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ReportedRun reported(const std::string& name, const std::string& results) {
  ReportedRun run;
  run.name = name;
  run.results = core::parse_json<nlohmann::ordered_json>(results);
  run.keys = {"train.batch_size", "run.seed"};
  run.values = {"36", "0"};
  run.defaults = {"36", "0"};
  run.origins = {"default", "config.yaml:3"};
  return run;
}

constexpr const char* kResults =
    R"({"splits": {"val": {"sentences": 7, "point_m": 50.04, "miou": 20, "oiou": 10,
        "precision": {"0.5": 1}, "intervals": {"point_m": [40, 60.06]},
        "kinds": {"a<b": {"sentences": 3, "point_m": 33.3}}}}})";

TEST(ResultsSection, HasFiguresWithTheirIntervals) {
  const std::string html = results_section({reported("one", kResults)}, {}, "");
  EXPECT_THAT(html, HasSubstr("<td>7</td><td>50.0 [40.0, 60.1]</td><td>20.0</td><td>10.0</td>"));
  EXPECT_THAT(html, HasSubstr("a&lt;b"));
  EXPECT_THAT(html, Not(HasSubstr("has no results")));
}

TEST(ResultsSection, StandsBesidePublishedFigures) {
  const std::string html = results_section({reported("one", kResults)},
                                           {{"val", {{"PCNet_S", "60.0", "31.3"}}}}, "<p>note</p>");
  EXPECT_THAT(html, HasSubstr("PCNet_S</th><td>60.0</td><td>31.3</td>"));
  EXPECT_THAT(html, HasSubstr("<p>note</p>"));
}

TEST(ResultsSection, SaysWhereThereAreNone) {
  for (const char* none : {"null", "{}", "{\"splits\": 3}", "[1]"}) {
    const std::string html = results_section({reported("one", none)}, {}, "");
    EXPECT_THAT(html, HasSubstr("one has no results")) << none;
  }
  EXPECT_THAT(results_section({reported("x", R"({"splits": {"val": {"point_m": "?"}}})")}, {}, ""),
              HasSubstr("<td>-</td>"));
}

TEST(CurvesSection, ShowsOneChartAQuantityForAllRuns) {
  auto one = reported("one", "null");
  auto two = reported("two", "null");
  one.history.losses = {{"total", {{1, 1}, {2, 2}}}};
  two.history.losses = {{"instance_disambiguation", {{1, 1}, {2, 2}}}, {"total", {{1, 2}, {2, 1}}}};
  two.history.repeated = 4;
  const std::string html = curves_section({one, two});
  EXPECT_THAT(html, HasSubstr("loss: total"));
  EXPECT_THAT(html, HasSubstr("loss: instance disambiguation"));
  EXPECT_THAT(html, HasSubstr("class=\"line c1\""));
  EXPECT_THAT(html, HasSubstr("two: 4 lines of steps that were done again"));
  EXPECT_THAT(curves_section({reported("one", "null")}), HasSubstr("The log holds no step"));
}

TEST(ConfigurationSection, MarksWhatDiffersBetweenRuns) {
  auto one = reported("one", "null");
  auto two = reported("two", "null");
  two.values[1] = "<9>";
  const std::string html = configuration_section({one, two});
  EXPECT_THAT(html,
              HasSubstr("<tr><th scope=\"row\">run.seed</th><td>0</td><td>&lt;9&gt;</td></tr>"));
  EXPECT_THAT(html, HasSubstr("<tr class=\"other\"><th scope=\"row\">run.seed</th>"));
  EXPECT_THAT(html, HasSubstr("<tr><th scope=\"row\">train.batch_size</th>"));
  EXPECT_THAT(configuration_section({one}), HasSubstr("No value differs"));
  EXPECT_THAT(configuration_section({two}),
              HasSubstr("<td>&lt;9&gt;</td><td>0</td><td>config.yaml:3</td>"));
}

TEST(EnvironmentSection, ShowsWhatAStartTells) {
  auto run =
      reported("one", R"({"protocol": {"segmentor": "none", "cues": {"file": "c<.jsonl"}}})");
  run.history.events = {core::parse_json<nlohmann::ordered_json>(
      R"({"event": "start", "step": "odd", "environment": {"torch": "2.4", "threads": 2}})")};
  const std::string html = environment_section({run});
  EXPECT_THAT(html, HasSubstr("torch</th><td>2.4</td>"));
  EXPECT_THAT(html, HasSubstr("threads</th><td>2</td>"));
  EXPECT_THAT(html, HasSubstr("cues.file</th><td>c&lt;.jsonl</td>"));
}

}  // namespace
}  // namespace pcnet::report
