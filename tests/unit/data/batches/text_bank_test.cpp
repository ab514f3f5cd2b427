#include "pcnet/data/batches/text_bank.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/text/word_tokenizer.h"

namespace pcnet::data {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class TextBankTest : public ::testing::Test {
 protected:
  TextBank bank(std::int64_t length,
                config::Truncation truncate = config::Truncation::kKeepEnd) const {
    config::DataOptions options;
    options.text_length = length;
    options.truncate = truncate;
    return {tokenizer_, options};
  }
  // a 1, b 2, c 3, d 4, start 5, end 6
  text::WordTokenizer tokenizer_ = text::WordTokenizer({"a", "b", "c", "d"});
};

TEST_F(TextBankTest, GivesEqualTextsOneRow) {
  TextBank bank = this->bank(8);
  EXPECT_EQ(bank.add("a b"), 0);
  EXPECT_EQ(bank.add("c"), 1);
  EXPECT_EQ(bank.add("a b"), 0);
  EXPECT_EQ(bank.rows(), 2);
  EXPECT_EQ(bank.omissions().cut, 0);
}

TEST_F(TextBankTest, GathersRowsInTheOrderAskedFor) {
  TextBank bank = this->bank(5);
  bank.add("a");
  bank.add("b c");
  EXPECT_TRUE(
      at::equal(bank.gather({1, 0, 1}),
                torch::tensor({{5, 2, 3, 6, 0}, {5, 1, 6, 0, 0}, {5, 2, 3, 6, 0}}, torch::kInt64)));
}

TEST_F(TextBankTest, CountsDistinctCutTexts) {
  TextBank bank = this->bank(4);
  bank.add("a b c");
  bank.add("a b c");
  bank.add("a b");
  bank.add("d d d d");
  EXPECT_EQ(bank.omissions().cut, 2);
  EXPECT_TRUE(at::equal(bank.gather({0}), torch::tensor({{5, 1, 2, 6}}, torch::kInt64)));
}

TEST_F(TextBankTest, CutsAsTheReleasedCodeWhenAsked) {
  TextBank bank = this->bank(4, config::Truncation::kCut);
  bank.add("a b c");
  EXPECT_TRUE(at::equal(bank.gather({0}), torch::tensor({{5, 1, 2, 3}}, torch::kInt64)));
}

TEST_F(TextBankTest, RefusesATextWithoutKnownWordAndStaysUsable) {
  TextBank bank = this->bank(8);
  bank.add("a");
  for (int again = 0; again < 2; ++again) {
    EXPECT_THAT([&] { bank.add("zebra"); }, ThrowsMessage<core::Error>(HasSubstr("\"zebra\"")));
    EXPECT_THROW(bank.add(""), core::Error);
  }
  EXPECT_EQ(bank.rows(), 1);
  EXPECT_EQ(bank.add("b"), 1);
}

}  // namespace
}  // namespace pcnet::data
