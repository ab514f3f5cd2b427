#include "pcnet/data/annotations/digest.h"

#include <gtest/gtest.h>

namespace pcnet::data {
namespace {

// CRC-32's published check value.
TEST(Digest, ChecksumIsZlibs) { EXPECT_EQ(checksum_of("123456789"), 0xcbf43926U); }

TEST(Digest, NamesItsKind) { EXPECT_EQ(digest_of("123456789"), "crc32:cbf43926"); }

}  // namespace
}  // namespace pcnet::data
