#include "pcnet/engine/whole_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/log.h"

#include "support/temporary_folder.h"

namespace pcnet::engine {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class WholeCheckpointTest : public ::testing::Test {
 protected:
  void SetUp() override { core::log::set_level(core::log::Level::kQuiet); }
  void TearDown() override { core::log::set_level(core::log::Level::kInfo); }

  static void save(const std::filesystem::path& path, std::int64_t step) {
    Checkpoint checkpoint;
    checkpoint.model = {{"weight", torch::full({3}, step)}};
    checkpoint.state.step = step;
    save_checkpoint(path, checkpoint);
  }
  static void damage(const std::filesystem::path& path) {
    std::string bytes = core::read_file(path);
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    core::write_file(path, bytes);
  }

  support::TemporaryFolder temporary_;
  RunFolder folder_{temporary_ / "run"};
};

TEST_F(WholeCheckpointTest, IsTheLastOneWhenThatIsWhole) {
  EXPECT_FALSE(load_newest_checkpoint(folder_).has_value());
  save(folder_.previous(), 1);
  save(folder_.last(), 2);
  const auto found = load_newest_checkpoint(folder_);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->checkpoint.state.step, 2);
  EXPECT_EQ(found->path, folder_.last());
  EXPECT_EQ(found->damage, "");
}

TEST_F(WholeCheckpointTest, IsTheOneBeforeWhenOneBitOfTheLastIsWrong) {
  save(folder_.previous(), 1);
  save(folder_.last(), 2);
  damage(folder_.last());
  const auto found = load_newest_checkpoint(folder_);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->checkpoint.state.step, 1);
  EXPECT_EQ(found->path, folder_.previous());
  EXPECT_THAT(found->damage, AllOf(HasSubstr(folder_.last().string()), HasSubstr("checksum")));
}

TEST_F(WholeCheckpointTest, IsAnErrorThatNamesBothWhenNoneIsWhole) {
  save(folder_.last(), 2);
  damage(folder_.last());
  EXPECT_THAT([&] { load_newest_checkpoint(folder_); },
              ThrowsMessage<core::Error>(AllOf(HasSubstr(folder_.last().string()),
                                               HasSubstr("previous.safetensors is missing"),
                                               HasSubstr("nothing was changed"))));
}

TEST_F(WholeCheckpointTest, PutsTheOneBeforeInTheDamagedOnesPlaceAndKeepsBoth) {
  save(folder_.previous(), 1);
  save(folder_.last(), 2);
  damage(folder_.last());
  const std::string damaged = core::read_file(folder_.last());
  put_previous_first(folder_);
  EXPECT_EQ(load_checkpoint(folder_.last()).state.step, 1);
  EXPECT_EQ(load_checkpoint(folder_.previous()).state.step, 1);
  EXPECT_EQ(core::read_file(folder_.last().parent_path() / "damaged.safetensors"), damaged);
}

TEST_F(WholeCheckpointTest, KnowsADamagedBest) {
  EXPECT_FALSE(has_whole_best(folder_));
  save(folder_.best(), 1);
  EXPECT_TRUE(has_whole_best(folder_));
  damage(folder_.best());
  EXPECT_FALSE(has_whole_best(folder_));
}

}  // namespace
}  // namespace pcnet::engine
