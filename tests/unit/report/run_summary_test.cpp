#include "pcnet/report/run_summary.h"

#include <gtest/gtest.h>

namespace pcnet::report {
namespace {

metrics::Scores scores(double point_m) {
  metrics::Scores scores;
  scores.point_m = point_m;
  scores.miou = point_m / 2;
  scores.oiou = point_m / 4;
  return scores;
}

RunSummary example() {
  return {.steps = 120,
          .first_step = 20,
          .stopped_early = true,
          .skipped_steps = 3,
          .seconds = 65,
          .step_seconds = 50,
          .validation_seconds = 10,
          .images = 400,
          .metric = "point_m",
          .metric_name = "PointM",
          .best_score = 62.5,
          .best_step = 90,
          .splits = {{"val", scores(60), {scores(50), scores(60)}}, {"testA", scores(40), {}}},
          .places = {{"weights", "run/best"}, {"pictures", "run/samples"}}};
}

TEST(RunSummary, IsTheEndEventOfTheLog) {
  const auto event = to_json(example());
  EXPECT_EQ(event.begin().key(), "event");
  EXPECT_EQ(event.at("event"), "end");
  EXPECT_EQ(event.at("step"), 120);
  EXPECT_EQ(event.at("first_step"), 20);
  EXPECT_EQ(event.at("stopped_early"), true);
  EXPECT_EQ(event.at("skipped_steps"), 3);
  EXPECT_DOUBLE_EQ(event.at("images_per_second"), 8);  // 400 in the 50 s of the steps
  EXPECT_EQ(event.at("best"),
            (nlohmann::ordered_json{{"metric", "point_m"}, {"score", 62.5}, {"step", 90}}));
  EXPECT_EQ(event.at("splits").at("val").at("miou"), 30);
  EXPECT_EQ(event.at("splits").at("val").at("stages").at(0).at("oiou"), 12.5);
  EXPECT_FALSE(event.at("splits").at("testA").contains("stages"));
  EXPECT_EQ(event.at("places").at("pictures"), "run/samples");
}

TEST(RunSummary, IsATableForPeople) {
  EXPECT_EQ(to_text(example()),
            "steps    120, 20 of them before, ended early, 3 not finite, skipped\n"
            "time     1:05, 8.0 images/s in training, 10.0 s in validations\n"
            "best     PointM 62.5 at step 90\n"
            "           PointM  mIoU  oIoU\n"
            "val          60.0  30.0  15.0\n"
            "  stage 0    50.0  25.0  12.5\n"
            "  stage 1    60.0  30.0  15.0\n"
            "testA        40.0  20.0  10.0\n"
            "weights  run/best\n"
            "pictures run/samples");
}

TEST(RunSummary, LeavesOutWhatThereIsNot) {
  RunSummary summary;
  summary.steps = 5;
  EXPECT_EQ(to_text(summary),
            "steps    5\ntime     0.0 s, 0.0 images/s in training, 0.0 s in validations");
  EXPECT_FALSE(to_json(summary).contains("best"));
  EXPECT_FALSE(to_json(summary).contains("splits"));
}

}  // namespace
}  // namespace pcnet::report
