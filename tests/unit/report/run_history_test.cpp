#include "pcnet/report/run_history.h"

#include <gtest/gtest.h>

namespace pcnet::report {
namespace {

using Points = std::vector<std::pair<std::int64_t, double>>;

std::string logged_step(int step, double total) {
  return R"({"event":"step","step":)" + std::to_string(step) + R"(,"lr":0.5,"loss":{"total":)" +
         std::to_string(total) + R"(,"classification":2},"gradient_norm":1.5})" + "\n";
}

TEST(RunHistory, HasACurveATerm) {
  const auto history = parse_run_history(
      "{\"event\":\"start\",\"step\":0}\n" + logged_step(1, 3) + logged_step(2, 2.5) +
      R"({"event":"validation","step":2,"point_m":40.5,"miou":20,"metric":"point_m"})" + "\n");
  ASSERT_EQ(history.losses.size(), 2U);
  EXPECT_EQ(history.losses[0].name, "total");
  EXPECT_EQ(history.losses[0].points, (Points{{1, 3}, {2, 2.5}}));
  EXPECT_EQ(history.losses[1].name, "classification");
  ASSERT_EQ(history.course.size(), 2U);
  EXPECT_EQ(history.course[0].name, "gradient_norm");
  EXPECT_EQ(history.course[1].points, (Points{{1, 0.5}, {2, 0.5}}));
  ASSERT_EQ(history.validations.size(), 2U);
  EXPECT_EQ(history.validations[0].points, (Points{{2, 40.5}}));
  ASSERT_EQ(history.events.size(), 1U);
  EXPECT_EQ(history.steps, 2);
  EXPECT_EQ(history.repeated + history.unread, 0);
}

TEST(RunHistory, TakesBackStepsThatAResumeDoesAgain) {
  const auto history = parse_run_history(
      "{\"event\":\"start\",\"step\":0}\n" + logged_step(1, 1) + logged_step(2, 2) +
      logged_step(3, 3) + R"({"event":"validation","step":3,"miou":9})" + "\n" +
      "{\"event\":\"resume\",\"step\":1}\n" + logged_step(2, 20) + logged_step(3, 30));
  EXPECT_EQ(history.losses[0].points, (Points{{1, 1}, {2, 20}, {3, 30}}));
  EXPECT_TRUE(history.validations.empty());
  EXPECT_EQ(history.repeated, 3);
  EXPECT_EQ(history.events.size(), 2U);  // both beginnings
}

TEST(RunHistory, BeginsAnewWithEachStart) {
  const auto history = parse_run_history(logged_step(1, 1) + logged_step(2, 2) +
                                         "{\"event\":\"start\",\"step\":0}\n" + logged_step(1, 7));
  EXPECT_EQ(history.losses[0].points, (Points{{1, 7}}));
  EXPECT_EQ(history.steps, 1);
}

TEST(RunHistory, LeavesOutWhatIsTornOrNotFinite) {
  const auto history =
      parse_run_history(R"({"event":"step","step":1,"loss":{"total":"nan","iad":1}})"
                        "\n\n[]\n"
                        R"({"event":"step","step":2,"loss":{"total":1e300}})"
                        "\n" +
                        logged_step(3, 5).substr(0, 30));
  ASSERT_EQ(history.losses.size(), 1U);
  EXPECT_EQ(history.losses[0].name, "iad");
  EXPECT_EQ(history.unread, 2);
  EXPECT_TRUE(parse_run_history("").losses.empty());
}

}  // namespace
}  // namespace pcnet::report
