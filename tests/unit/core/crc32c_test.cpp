#include "pcnet/core/crc32c.h"

#include <string>

#include <gtest/gtest.h>

namespace pcnet::core {
namespace {

// RFC 3720, B.4, and the check value of the catalogues of check sums.
TEST(Crc32c, HasTheKnownValues) {
  std::string rising;
  for (char byte = 0; byte < 32; ++byte) rising.push_back(byte);
  EXPECT_EQ(crc32c(""), 0U);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
  EXPECT_EQ(crc32c(rising), 0x46dd794eU);
  EXPECT_EQ(crc32c(std::string(rising.rbegin(), rising.rend())), 0x113fdb5cU);
}

}  // namespace
}  // namespace pcnet::core
