#include "pcnet/study/study_tables.h"

#include <gtest/gtest.h>

namespace pcnet::study {
namespace {

StudyRun done(std::int64_t seed, double point_m, double miou) {
  return {seed, "runs/x", "done", "", {{"point_m", point_m}, {"miou", miou}}};
}

/// Two lines and two seeds; by hand: 60 ± 1.41 and 63 ± 4.24, differences 1 and 5.
StudyResults table() {
  StudyResults results{"Table 2", "", {"point_m", "miou"}, "Cls", {}};
  results.lines.push_back(
      {"Cls", {done(0, 61, 20), done(1, 59, 22)}, {{"point_m", {51.7}}, {"miou", {25.3}}}});
  results.lines.push_back({"CRM", {done(0, 66, 21), done(1, 60, 21)}, {{"point_m", {53.3}}}});
  return results;
}

TEST(StudyReport, TakesMeanAndSampleDeviation) {
  const Spread spread = spread_of({1, 2, 6});
  EXPECT_EQ(spread.count, 3);
  EXPECT_DOUBLE_EQ(spread.mean, 3);
  EXPECT_DOUBLE_EQ(spread.deviation.value(), std::sqrt(7.0));  // (4 + 1 + 9) / 2
  EXPECT_FALSE(spread_of({5}).deviation);
  EXPECT_EQ(spread_of({}).count, 0);
}

TEST(StudyReport, ComparesRunsOfTheSameSeed) {
  StudyResults results = table();
  std::swap(results.lines[1].runs[0], results.lines[1].runs[1]);
  const Spread change = difference(results.lines[1], results.lines[0], "point_m");
  EXPECT_DOUBLE_EQ(change.mean, 3);
  EXPECT_DOUBLE_EQ(change.deviation.value(), std::sqrt(8.0));
}

TEST(StudyReport, WritesMeansBesideThePublishedFigures) {
  EXPECT_EQ(to_markdown(table()),
            "## Table 2\n"
            "\n"
            "|  | PointM | mIoU | PointM over Cls | paper: PointM | paper: mIoU |\n"
            "| --- | ---: | ---: | ---: | ---: | ---: |\n"
            "| Cls | 60.0 ± 1.4 | 21.0 ± 1.4 |  | 51.7 | 25.3 |\n"
            "| CRM | 63.0 ± 4.2 | 21.0 ± 0.0 | +3.0 ± 2.8 | 53.3 |  |\n"
            "\n"
            "Order by PointM, here and published: Cls < CRM.\n");
}

TEST(StudyReport, SaysWhatIsMissingAndWhatFailed) {
  StudyResults results = table();
  results.lines[1].runs[1] = {1, "runs/x", "failed", "the loss is nan at step 3", {}};
  results.lines[0].runs[0] = {0, "runs/x", "to do", "", {}};
  results.note = "A note.";
  const std::string text = to_markdown(results);
  EXPECT_NE(text.find("| Cls (1 of 2 runs) | 59.0 |"), std::string::npos) << text;
  EXPECT_NE(text.find("| CRM (1 of 2 runs) | 66.0 | 21.0 |  |"), std::string::npos) << text;
  EXPECT_NE(text.find("\nA note.\n"), std::string::npos);
  EXPECT_NE(text.find("Failed: CRM, seed 1: the loss is nan at step 3\n"), std::string::npos);
}

TEST(StudyReport, SaysWhereTheOrderIsAnother) {
  StudyResults results = table();
  results.lines[1].paper["point_m"] = {50};
  EXPECT_NE(to_markdown(results).find("Order by PointM here: Cls < CRM; published: CRM < Cls.\n"),
            std::string::npos);
}

TEST(StudyReport, SaysWhichAreEqual) {
  StudyResults results = table();
  results.lines[1].runs = {done(0, 60.04, 21), done(1, 59.98, 21)};
  EXPECT_NE(to_markdown(results).find("Order by PointM here: Cls = CRM; published: Cls < CRM.\n"),
            std::string::npos)
      << to_markdown(results);
}

TEST(StudyReport, WritesALineARunAsCsv) {
  StudyResults results = table();
  results.title = "Table 2, \"all\"";
  const std::string csv = to_csv({results});
  EXPECT_EQ(csv.substr(0, csv.find('\n')),
            "table,row,seed,state,point_m,miou,paper_point_m,paper_miou");
  EXPECT_NE(csv.find("\"Table 2, \"\"all\"\"\",CRM,1,done,60.0,21.0,53.3,\n"), std::string::npos)
      << csv;
}

TEST(StudyReport, ShowsWhatOthersPublishedAndWhatWasSkipped) {
  StudyResults results = table();
  results.lines[1].paper["miou"] = {52.2, 48.6};
  results.lines.push_back({.name = "SAG", .paper = {{"point_m", {56.2}}}, .published = true});
  results.lines.push_back({.name = "SAM", .skipped = "no weights"});
  const std::string text = to_markdown(results);
  for (const char* wanted :
       {"| CRM | 63.0 ± 4.2 | 21.0 ± 0.0 | +3.0 ± 2.8 | 53.3 | 52.2 / 48.6 |",
        "| SAG (published) |  |  |  | 56.2 |  |", "| SAM |  |  |  |  |  |",
        "Order by PointM, here and published: Cls < CRM.", "\nSkipped: SAM: no weights\n"}) {
    EXPECT_NE(text.find(wanted), std::string::npos) << wanted << "\nin\n" << text;
  }
  const std::string csv = to_csv({results});
  for (const char* wanted : {"Table 2,CRM,1,done,60.0,21.0,53.3,52.2/48.6\n",
                             "Table 2,SAG,,published,,,56.2,\n", "Table 2,SAM,,skipped,,,,\n"}) {
    EXPECT_NE(csv.find(wanted), std::string::npos) << wanted << "\nin\n" << csv;
  }
  const auto rows = to_json(results).at("rows");
  EXPECT_EQ(rows.at(1).at("paper").at("miou"), (std::vector<double>{52.2, 48.6}));
  EXPECT_EQ(rows.at(2).at("published"), true);
  EXPECT_FALSE(rows.at(2).contains("skipped"));
  EXPECT_EQ(rows.at(3).at("skipped"), "no weights");
}

TEST(StudyReport, WritesEveryRunAsJson) {
  const auto document = to_json(table());
  const auto& row = document.at("rows").at(1);
  EXPECT_EQ(row.at("name"), "CRM");
  EXPECT_EQ(row.at("runs").size(), 2U);
  EXPECT_EQ(row.at("runs").at(0).at("figures").at("point_m"), 66);
  EXPECT_EQ(row.at("figures").at("point_m").at("mean"), 63);
  EXPECT_EQ(row.at("difference").at("point_m").at("mean"), 3);
  EXPECT_EQ(row.at("paper").at("point_m"), 53.3);
  EXPECT_FALSE(document.at("rows").at(0).contains("difference"));
}

}  // namespace
}  // namespace pcnet::study
