#include "pcnet/report/dataset_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/report/text_table.h"

namespace pcnet::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<data::Finding> some_findings() {
  return {{"missing image",
           true,
           "fetch them",
           {{"missing image", "image_id 1", "no file a"},
            {"missing image", "image_id 2", "no file b"},
            {"missing image", "image_id 3", "no file c"}}},
          {"no cues", false, "", {{"no cues", "data", "none"}}}};
}

TEST(TextTable, AlignsTheFirstColumnToTheLeftAndOthersToTheRight) {
  EXPECT_EQ(text_table({{"", "a", "long"}, {"name", "100", ""}, {"x"}}),
            "        a  long\n"
            "name  100\n"
            "x\n");
}

TEST(AuditText, ListsTheFirstItemsOfEachKindAndCountsTheRest) {
  EXPECT_EQ(audit_text(some_findings(), 2),
            "FAULT  missing image: 3\n"
            "         image_id 1: no file a\n"
            "         image_id 2: no file b\n"
            "         and 1 more (--all lists them)\n"
            "       -> fetch them\n"
            "note   no cues: 1\n"
            "         data: none\n");
  EXPECT_THAT(audit_text(some_findings(), 3), Not(HasSubstr("more")));
}

TEST(AuditJson, HoldsEveryItem) {
  const auto document = to_json(some_findings());
  EXPECT_EQ(document.at("faults"), 3);
  EXPECT_EQ(document.at("notes"), 1);
  EXPECT_EQ(document.at("findings").at(0).at("severity"), "fault");
  EXPECT_EQ(document.at("findings").at(0).at("items").at(2).at("where"), "image_id 3");
  EXPECT_EQ(document.at("findings").at(1).at("severity"), "note");
}

TEST(StatisticsText, ShowsAnEmptyDataset) {
  data::Statistics statistics;
  statistics.splits = {{"all", 0, 0, 0, 0, {}}};
  EXPECT_THAT(statistics_text(statistics, {}), HasSubstr("vocabulary: 0 distinct words\n"));
}

TEST(StatisticsText, PutsLongSentencesIntoOneBar) {
  data::Statistics statistics;
  statistics.splits = {{"all", 1, 4, 1, 1, {}}};
  statistics.words.count = 4;
  statistics.sentences_by_words = {{2, 2}, {12, 1}, {40, 1}};
  const std::string text = statistics_text(statistics, {});
  EXPECT_THAT(text, HasSubstr("    2    50.0 %  ########################################\n"));
  EXPECT_THAT(text, HasSubstr("  12+    50.0 %  ########################################\n"));
  EXPECT_THAT(text, Not(HasSubstr("   40 ")));
}

TEST(StatisticsText, SaysWhetherPublishedCountsAgree) {
  data::Statistics statistics;
  const std::string text =
      statistics_text(statistics, {{"val", "objects", 5, 5}, {"all", "images", 7, 6}});
  EXPECT_THAT(text, HasSubstr("val objects     5          5   the same\n"));
  EXPECT_THAT(text, HasSubstr("all images      6          7  DIFFERENT\n"));
}

}  // namespace
}  // namespace pcnet::report
