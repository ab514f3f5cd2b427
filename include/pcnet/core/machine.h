#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace pcnet::core {

/// Where the kernel tells the control groups of this process: what a container may use.
struct ControlGroups {
  std::filesystem::path membership = "/proc/self/cgroup";
  std::filesystem::path folder = "/sys/fs/cgroup";
};

/// Memory that this process may use; the limit of its control group counts.
struct MemoryInfo {
  std::uint64_t total = 0;      ///< bytes
  std::uint64_t available = 0;  ///< bytes
};

/// The processor as this process sees it.
struct ProcessorInfo {
  std::string model;                  ///< "unknown" when the system does not tell
  std::vector<std::string> features;  ///< instruction sets, e.g. "avx2", in the kernel's spelling
  int cores = 0;                      ///< of the machine
  int usable_cores = 0;               ///< by affinity and the control group's quota
  double load = 0;                    ///< mean runnable processes of the last minute

  bool has(const std::string& feature) const;
};

MemoryInfo memory_info(const ControlGroups& groups = {});
ProcessorInfo processor_info();

/// The numbers of the cores that this process may run on, by affinity; none where the system does
/// not tell.
std::vector<int> allowed_cores();

/// Cores that this process may keep busy, by affinity and the control group's quota; at least 1.
int usable_cores(const ControlGroups& groups = {});

}  // namespace pcnet::core
