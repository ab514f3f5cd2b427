#include "pcnet/config/criterion_options.h"

#include <algorithm>
#include <set>
#include <string>
#include <type_traits>

#include <gtest/gtest.h>

namespace pcnet::config {
namespace {

/// Checks the keys of a section and those below; returns their dotted names.
template <class Options>
std::set<std::string> checked_keys(const std::string& prefix) {
  std::set<std::string> keys;
  Options::fields([&](std::string_view name, auto member, const FieldInfo& info) {
    const std::string key = prefix + std::string(name);
    const auto value = Options{}.*member;
    using Value = std::remove_const_t<decltype(value)>;
    EXPECT_FALSE(info.help.empty()) << key;
    if constexpr (Section<Value>) {
      keys.merge(checked_keys<Value>(key + "."));
    } else {
      EXPECT_FALSE(info.source.empty()) << key;
      EXPECT_TRUE(keys.insert(key).second) << key;
      if constexpr (std::is_same_v<Value, std::string>) {
        EXPECT_TRUE(info.path) << key;
      } else if constexpr (!IsChoice<Value>) {
        EXPECT_GE(static_cast<double>(value), info.min) << key;
        EXPECT_LE(static_cast<double>(value), info.max) << key;
      }
    }
  });
  return keys;
}

TEST(CriterionOptions, NameASourceAndAllowTheirDefaults) {
  const std::set<std::string> keys = checked_keys<CriterionOptions>("");
  EXPECT_EQ(keys.size(), 4U + 9U + 12U + 3U + 7U + 2U);
  EXPECT_TRUE(keys.contains("instance_disambiguation.straight_through"));
}

TEST(CriterionOptions, WeighThePapersTermsOneAndTheComparedOnesZero) {
  const CriterionOptions options;
  EXPECT_EQ(options.classification.weight, 1);
  EXPECT_EQ(options.region_aware_shrinking.weight, 1);
  EXPECT_EQ(options.instance_disambiguation.weight, 1);
  EXPECT_EQ(options.kl_divergence.weight, 0);
  EXPECT_EQ(options.calibration.weight, 0);
  EXPECT_EQ(options.grid, 0);
}

}  // namespace
}  // namespace pcnet::config
