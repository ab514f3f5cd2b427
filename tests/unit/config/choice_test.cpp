#include "pcnet/config/choice.h"

#include <algorithm>
#include <string>
#include <type_traits>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "pcnet/config/config.h"
#include "pcnet/core/error.h"

#include "src/config/schema.h"

namespace pcnet::config {
namespace {

constexpr const char* kKey = "loss.instance_disambiguation.gradient";

TEST(Choice, IsTheEnumOfItsWord) {
  Choice<AgreementGradient> gradient = "inner_product";
  EXPECT_TRUE(gradient == AgreementGradient::kInnerProduct);
  EXPECT_TRUE(gradient == "inner_product");
  gradient = AgreementGradient::kSoftmax;
  EXPECT_EQ(gradient.word(), "softmax");
}

TEST(Choice, IsNotMadeOfAWordThatIsFoundAtRunTime) {
  static_assert(!std::is_constructible_v<Choice<AgreementGradient>, std::string>);
  static_assert(!std::is_constructible_v<Choice<AgreementGradient>, const char*>);
  static_assert(!IsChoice<std::string>);
}

TEST(Choice, IsReadAndStoredAsItsWord) {
  const ResolvedConfig read = load_defaults({std::string(kKey) + "=softmax"});
  const auto& options = read.values.loss.instance_disambiguation;
  EXPECT_TRUE(options.gradient == AgreementGradient::kSoftmax);
  EXPECT_EQ(to_json(read.values)["loss"]["instance_disambiguation"]["gradient"], "softmax");
  const ResolvedConfig again = load_json(to_json(read.values), "stored", {});
  EXPECT_TRUE(difference(read.values, again.values).empty());
  const auto changes = difference(load_defaults({}).values, read.values);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].key, kKey);
  EXPECT_EQ(changes[0].left, "squared_difference");
  EXPECT_EQ(changes[0].right, "softmax");
}

TEST(Choice, OfAnotherWordNamesTheNearest) {
  try {
    load_defaults({std::string(kKey) + "=softmx"});
    FAIL() << "no error";
  } catch (const core::ConfigError& error) {
    EXPECT_STREQ(error.what(),
                 "--set: loss.instance_disambiguation.gradient: got \"softmx\", wanted one of "
                 "squared_difference, inner_product, softmax (did you mean \"softmax\"?)");
  }
}

TEST(Choice, OfEveryKeyIsReadAndStoredAsEachOfItsWords) {
  Config defaults;
  for (const auto& field : bind(defaults)) {
    std::string place = "/" + field.key;
    std::replace(place.begin(), place.end(), '.', '/');
    const nlohmann::ordered_json::json_pointer pointer(place);
    for (const std::string& word : words_of(field)) {
      // Some segmentors ask for weights.
      const Config read =
          load_defaults({"eval.sam.weights=sam.pth", field.key + "=" + word}).values;
      EXPECT_EQ(to_json(read)[pointer], word) << field.key;
      EXPECT_EQ(to_json(load_json(to_json(read), "stored", {}).values)[pointer], word) << field.key;
    }
  }
}

}  // namespace
}  // namespace pcnet::config
