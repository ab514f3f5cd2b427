#include <array>
#include <cstdlib>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/distributed/team.h"

namespace pcnet::distributed {
namespace {

/// The environment with these variables and none of the others that starters of processes set.
class Launch : public testing::Test {
 protected:
  static constexpr std::array kNames = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE",  "MV2_COMM_WORLD_SIZE",
                                        "SLURM_STEP_NUM_TASKS", "PMIX_RANK", "PMI_RANK"};
  Launch() {
    for (const char* name : kNames) {
      if (const char* value = std::getenv(name)) before_[name] = value;
      ::unsetenv(name);
    }
  }
  ~Launch() override {
    for (const char* name : kNames) ::unsetenv(name);
    for (const auto& [name, value] : before_) ::setenv(name.c_str(), value.c_str(), 1);
  }

  std::map<std::string, std::string> before_;
};

TEST_F(Launch, IsAloneWithoutAStarter) { EXPECT_FALSE(is_one_of_several()); }

TEST_F(Launch, IsAloneAsTheOnlyProcessOfMpirun) {
  ::setenv("OMPI_COMM_WORLD_SIZE", "1", 1);
  EXPECT_FALSE(is_one_of_several());
}

TEST_F(Launch, IsOneOfThoseOfMpirun) {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    ::setenv(name, "3", 1);
    EXPECT_TRUE(is_one_of_several()) << name;
    ::unsetenv(name);
  }
}

TEST_F(Launch, IsAloneInTheScriptOfASlurmJob) {
  ::setenv("SLURM_STEP_NUM_TASKS", "1", 1);
  EXPECT_FALSE(is_one_of_several());
}

TEST_F(Launch, IsOneOfThoseOfSrunWhereTheyFindEachOther) {
  ::setenv("SLURM_STEP_NUM_TASKS", "4", 1);
  ::setenv("PMIX_RANK", "0", 1);
  EXPECT_TRUE(is_one_of_several());
  ::unsetenv("PMIX_RANK");
  EXPECT_THAT([] { (void)is_one_of_several(); },
              testing::ThrowsMessage<core::UsageError>(testing::HasSubstr("--mpi=pmix")));
}

TEST(CommunicatorFor, IsAProcessAloneWithoutATeam) {
  const auto team = communicator_for(nullptr, c10::kCPU);
  EXPECT_TRUE(team->is_alone());
  EXPECT_TRUE(team->leads());
  EXPECT_TRUE(team->any(true));
  EXPECT_FALSE(team->any(false));
  EXPECT_EQ(team->largest(15), 15);
  EXPECT_EQ(team->from_leader("word"), "word");
}

}  // namespace
}  // namespace pcnet::distributed
