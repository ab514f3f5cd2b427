#include "pcnet/core/machine.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace pcnet::core {
namespace {

namespace fs = std::filesystem;

/// Control groups as the kernel shows them, in files of the test's own.
class MachineInAContainer : public ::testing::Test {
 protected:
  void write(const fs::path& file, const std::string& text) {
    fs::create_directories((folder_.path() / file).parent_path());
    std::ofstream(folder_.path() / file) << text;
  }
  ControlGroups groups() const { return {folder_.path() / "cgroup", folder_.path() / "fs"}; }

 private:
  support::TemporaryFolder folder_;
};

TEST(Machine, UsableIsNoMoreThanThereIs) {
  const auto processor = processor_info();
  EXPECT_GE(processor.cores, processor.usable_cores);
  EXPECT_GE(processor.usable_cores, 1);
  EXPECT_FALSE(processor.model.empty());
  EXPECT_FALSE(processor.has("no such instruction set"));
  const auto memory = memory_info();
  EXPECT_GT(memory.total, 0U);
  EXPECT_LE(memory.available, memory.total);
}

TEST_F(MachineInAContainer, HasTheCoresOfItsQuota) {
  write("cgroup", "0::/\n");
  const int all = usable_cores(groups());
  write("fs/cpu.max", "max 100000\n");
  EXPECT_EQ(usable_cores(groups()), all);
  write("fs/cpu.max", "100000 100000\n");
  EXPECT_EQ(usable_cores(groups()), 1);
  write("fs/cpu.max", "20000 100000\n");  // a fifth of a core
  EXPECT_EQ(usable_cores(groups()), 1);
  write("fs/cpu.max", "110000 100000\n");  // a little more than one: two threads use all of it
  EXPECT_EQ(usable_cores(groups()), std::min(all, 2));
}

TEST_F(MachineInAContainer, TakesTheTightestQuotaOfTheGroupsAboveIt) {
  write("cgroup", "0::/batch/job/step\n");
  write("fs/batch/cpu.max", "100000 100000\n");
  write("fs/batch/job/cpu.max", "900000 100000\n");
  EXPECT_EQ(usable_cores(groups()), 1);
}

TEST_F(MachineInAContainer, ReadsTheQuotaOfVersionOne) {
  write("cgroup", "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n");
  write("fs/cpu/docker/abc/cpu.cfs_quota_us", "50000\n");
  write("fs/cpu/docker/abc/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(usable_cores(groups()), 1);
  // In the container itself its group is mounted as the root.
  write("cgroup", "5:cpu,cpuacct:/docker/another\n");
  EXPECT_GE(usable_cores(groups()), 1);
  write("fs/cpu/cpu.cfs_quota_us", "50000\n");
  write("fs/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(usable_cores(groups()), 1);
}

TEST_F(MachineInAContainer, HasTheMemoryOfItsLimit) {
  write("cgroup", "0::/job\n");
  write("fs/job/memory.max", "67108864\n");
  write("fs/job/memory.current", "60000000\n");
  write("fs/job/memory.stat", "anon 1\ninactive_file 10000000\n");
  const MemoryInfo memory = memory_info(groups());
  EXPECT_EQ(memory.total, 67108864U);
  EXPECT_EQ(memory.available, 67108864U - 60000000U + 10000000U);
}

}  // namespace
}  // namespace pcnet::core
