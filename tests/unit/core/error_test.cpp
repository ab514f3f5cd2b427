#include "pcnet/core/error.h"

#include <gtest/gtest.h>

namespace pcnet::core {
namespace {

TEST(Error, StaysOneLineWhateverAFileHolds) {
  EXPECT_STREQ(Error("member 'a\n\x1b[31m\x7f'").what(), "member 'a\\n\\x1b[31m\\x7f'");
  EXPECT_STREQ(UsageError("a\tb").what(), "a\\x09b");
  EXPECT_STREQ(Error("caf\xc3\xa9").what(), "caf\xc3\xa9");
}

TEST(ConfigError, KeepsALineForEachFault) {
  EXPECT_STREQ(ConfigError("one\ntwo\r").what(), "one\ntwo\\x0d");
}

}  // namespace
}  // namespace pcnet::core
