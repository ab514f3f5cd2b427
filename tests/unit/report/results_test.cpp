#include "pcnet/report/results.h"

#include <gtest/gtest.h>

#include "pcnet/core/json.h"

namespace pcnet::report {
namespace {

metrics::Scores scores(std::int64_t sentences, double point_m) {
  metrics::Scores result;
  result.sentences = sentences;
  result.point_m = point_m;
  result.point_m_box = 71.26;
  result.miou = 31.04;
  result.miou_hit = 52.96;
  result.oiou = 100;
  result.precision = {{"0.5", 7.0}, {"0.6", 0.0}, {"0.7", 0.0}, {"0.8", 0.0}, {"0.9", 0.0}};
  return result;
}

TEST(ResultsTable, AlignsItsColumns) {
  const std::string table =
      results_table({{"val", scores(10834, 58.6)}, {"a longer name", scores(3, 100)}});
  EXPECT_EQ(table,
            "               sentences  PointM  PointM box  mIoU  mIoU hit  mIoU miss   oIoU  "
            "Prec@0.5\n"
            "val                10834    58.6        71.3  31.0      53.0          -  100.0       "
            "7.0\n"
            "a longer name          3   100.0        71.3  31.0      53.0          -  100.0       "
            "7.0\n");
}

TEST(ResultsTable, HasItsHeaderWithoutRows) {
  EXPECT_EQ(results_table({}),
            "  sentences  PointM  PointM box  mIoU  mIoU hit  mIoU miss  oIoU  Prec@0.5\n");
}

TEST(ScoresJson, HasTheKeysOfTheContractInOrder) {
  const auto json = to_json(scores(4, 25));
  EXPECT_EQ(pcnet::core::json_text(json),
            "{\"sentences\":4,\"point_m\":25.0,\"point_m_box\":71.26,\"miou\":31.04,"
            "\"miou_hit\":52.96,\"miou_miss\":null,\"oiou\":100.0,\"precision\":{\"0.5\":7.0,\"0."
            "6\":0.0,\"0.7\":0.0,\"0.8\":0.0,"
            "\"0.9\":0.0}}");
}

TEST(ScoresJson, HasIntervalsWhereTheyWereComputed) {
  metrics::Scores with = scores(4, 25);
  with.intervals = {{20, 30.5}, {30, 32}, {99, 100}};
  const auto json = to_json(with);
  EXPECT_EQ(pcnet::core::json_text(json["intervals"]),
            "{\"point_m\":[20.0,30.5],\"miou\":[30.0,32.0],\"oiou\":[99.0,100.0]}");
  EXPECT_EQ(to_text(*with.intervals), "PointM 20.0 to 30.5, mIoU 30.0 to 32.0, oIoU 99.0 to 100.0");
}

}  // namespace
}  // namespace pcnet::report
