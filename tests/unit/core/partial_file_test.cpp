#include "pcnet/core/partial_file.h"

#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"

#include "support/temporary_folder.h"

namespace pcnet::core {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class PartialFileTest : public ::testing::Test {
 protected:
  support::TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "big";
  std::filesystem::path partial_ = folder_ / "big.partial";
};

TEST_F(PartialFileTest, AppearsUnderItsNameWhenItIsCommitted) {
  PartialFile file(path_);
  file.write(4, "later");
  file.write(0, "next");
  EXPECT_FALSE(std::filesystem::exists(path_));
  file.commit();
  EXPECT_EQ(read_file(path_), "nextlater");
  EXPECT_FALSE(std::filesystem::exists(partial_));
}

TEST_F(PartialFileTest, KeepsWhatAnEarlierRunWrote) {
  PartialFile(path_).write(0, "begun");
  PartialFile again(path_);
  EXPECT_EQ(again.size(), 5U);
  EXPECT_EQ(again.read(1, 3), "egu");
  EXPECT_EQ(again.read(3, 100), "un");
  EXPECT_EQ(again.read(9, 1), "");
  again.resize(2);
  again.commit();
  EXPECT_EQ(read_file(path_), "be");
}

TEST_F(PartialFileTest, IsWrittenByOneAtATime) {
  auto first = std::make_unique<PartialFile>(path_);
  EXPECT_THAT([&] { PartialFile second(path_); },
              ThrowsMessage<Error>(HasSubstr("another process is writing")));
  first.reset();
  EXPECT_NO_THROW(PartialFile second(path_));
}

TEST_F(PartialFileTest, RefusesAFolderAndAPlaceThatIsNotThere) {
  EXPECT_THAT([&] { PartialFile file(folder_.path()); },
              ThrowsMessage<Error>(HasSubstr("it is a folder")));
  EXPECT_THAT([&] { PartialFile file(folder_ / "none/big"); },
              ThrowsMessage<Error>(HasSubstr("none/big")));
}

}  // namespace
}  // namespace pcnet::core
