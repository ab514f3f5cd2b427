#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "pcnet/core/error.h"
#include "pcnet/core/json.h"

namespace pcnet::core {
namespace {

using nlohmann::json;

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(JsonDepth, HasABound) {
  EXPECT_FALSE(parse_json<json>(nested(1000)).empty());
  EXPECT_THAT([] { (void)parse_json<json>(nested(1001)); },
              ::testing::ThrowsMessage<Error>(::testing::HasSubstr("1000 deep")));
  EXPECT_TRUE(try_parse_json<json>(nested(100'000)).is_discarded());
  EXPECT_FALSE(try_parse_json<json>(nested(1000)).is_discarded());
}

TEST(JsonDepth, DoesNotCountWhatIsInStringsOrBeside) {
  const std::string brackets(5000, '[');
  EXPECT_EQ(parse_json<json>("[\"\\\"" + brackets + "\"]")[0].get<std::string>(), "\"" + brackets);
  std::string many = "[[]";
  for (int i = 0; i < 5000; ++i) many += ",{}";
  EXPECT_EQ(parse_json<json>(many + "]").size(), 5001U);
}

}  // namespace
}  // namespace pcnet::core
