#include "pcnet/data/annotations/id_map.h"

#include <cstdint>
#include <map>

#include <gtest/gtest.h>

#include "pcnet/core/random.h"

namespace pcnet::data {
namespace {

TEST(IdMap, FindsWhatAnOrderedMapFinds) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    core::Rng rng({seed});
    IdMap ids;
    std::map<std::int64_t, std::size_t> wanted;
    for (std::size_t i = 0; i < 300; ++i) {
      const auto ahead = static_cast<std::int64_t>(rng.below(40)) - 10;  // mostly ascending
      const std::int64_t id = static_cast<std::int64_t>(i) * 7 + ahead - 100;
      EXPECT_EQ(ids.emplace(id, i), wanted.emplace(id, i).second);
    }
    for (std::int64_t id = -120; id < 2200; ++id) {
      const auto* found = ids.find(id);
      const auto there = wanted.find(id);
      ASSERT_EQ(found != nullptr, there != wanted.end()) << id;
      if (found != nullptr) EXPECT_EQ(*found, there->second);
    }
  }
}

TEST(IdMap, KeepsTheFirstOfAnId) {
  IdMap ids;
  EXPECT_TRUE(ids.emplace(5, 0));
  EXPECT_TRUE(ids.emplace(3, 1));
  EXPECT_FALSE(ids.emplace(5, 2));
  EXPECT_FALSE(ids.emplace(3, 3));
  EXPECT_EQ(*ids.find(5), 0U);
  EXPECT_EQ(*ids.find(3), 1U);
  EXPECT_EQ(ids.find(4), nullptr);
}

}  // namespace
}  // namespace pcnet::data
