#include "src/runtime/published_figures.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pcnet::runtime {
namespace {

using ::testing::ElementsAre;

PublishedRow row_of(const std::string& name, const std::vector<PublishedRow>& rows) {
  for (const auto& row : rows) {
    if (row.name == name) return row;
  }
  ADD_FAILURE() << "no row " << name;
  return {};
}

// Of the paper's Table 1, as docs/method.md#published-figures prints it.
TEST(PublishedFigures, AreThoseOfTheDatasetsSplit) {
  EXPECT_EQ(row_of("PCNet_S", published_figures("refcoco", "unc", "testA")).point_m, 69.3);
  EXPECT_THAT(row_of("PCNet_S", published_figures("refcoco", "unc", "testA")).miou,
              ElementsAre(36.8));
  EXPECT_EQ(row_of("TRIS", published_figures("refcoco+", "unc", "val")).point_m, 40.8);
  EXPECT_EQ(row_of("PCNet_F", published_figures("refcocog", "google", "val")).point_m, 57.9);
  EXPECT_EQ(row_of("PCNet_F", published_figures("refcocog", "umd", "val")).point_m, 57.0);
  EXPECT_EQ(row_of("PCNet_F", published_figures("refcocog", "umd", "test")).point_m, 57.2);
  EXPECT_THAT(row_of("PCNet_S + SAM", published_figures("refcoco", "unc", "val")).miou,
              ElementsAre(52.2, 48.6));
}

TEST(PublishedFigures, AreNoneOfOtherData) {
  EXPECT_TRUE(published_figures("refsynth", "unc", "val").empty());
  EXPECT_TRUE(published_figures("refcoco", "unc", "train").empty());
}

}  // namespace
}  // namespace pcnet::runtime
