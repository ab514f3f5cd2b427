#include "pcnet/core/machine.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

#include <sched.h>
#include <sys/sysinfo.h>

namespace pcnet::core {

namespace fs = std::filesystem;

namespace {

/// The folders of this process's control group, from its own up to the root, for version 2 and for
/// one controller of version 1.
std::vector<fs::path> group_folders(const ControlGroups& groups, const std::string& controller) {
  std::vector<fs::path> folders;
  std::ifstream in(groups.membership);
  for (std::string line; std::getline(in, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool unified = controllers == ",,";
    if (!unified && controllers.find("," + controller + ",") == std::string::npos) continue;
    const fs::path root = unified ? groups.folder : groups.folder / controller;
    fs::path folder = root / fs::path(line.substr(second + 1)).relative_path();
    for (; folder != root && folder != folder.root_path(); folder = folder.parent_path()) {
      folders.push_back(folder);
    }
    folders.push_back(root);
  }
  return folders;
}

std::optional<double> number_in(const fs::path& file) {
  std::ifstream in(file);
  double value = 0;
  if (in >> value) return value;  // "max" is no number: no limit
  return std::nullopt;
}

/// The value after `name` in a file of lines "name value" (with or without a colon).
double named_number(const fs::path& file, const std::string& name) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string word;
    double value = 0;
    if (words >> word >> value && (word == name || word == name + ":")) return value;
  }
  return 0;
}

/// The tightest quota of processor time, in cores.
std::optional<double> quota_cores(const ControlGroups& groups) {
  std::optional<double> tightest;
  for (const auto& folder : group_folders(groups, "cpu")) {
    std::ifstream in(folder / "cpu.max");
    double quota = 0;
    double period = 0;
    if (!(in >> quota >> period)) {
      quota = number_in(folder / "cpu.cfs_quota_us").value_or(-1);
      period = number_in(folder / "cpu.cfs_period_us").value_or(0);
    }
    if (quota <= 0 || period <= 0) continue;
    tightest = std::min(tightest.value_or(quota / period), quota / period);
  }
  return tightest;
}

std::string info_line(const std::string& name) {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    const std::size_t colon = line.find(':');
    if (line.starts_with(name) && colon != std::string::npos && colon + 2 <= line.size()) {
      return line.substr(colon + 2);
    }
  }
  return "";
}

}  // namespace

bool ProcessorInfo::has(const std::string& feature) const {
  return std::find(features.begin(), features.end(), feature) != features.end();
}

std::vector<int> allowed_cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  std::vector<int> cores;
  if (::sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &allowed)) cores.push_back(core);
  }
  return cores;
}

int usable_cores(const ControlGroups& groups) {
  int cores = static_cast<int>(std::thread::hardware_concurrency());
  if (const auto allowed = allowed_cores(); !allowed.empty()) {
    cores = static_cast<int>(allowed.size());
  }
  if (const auto quota = quota_cores(groups)) {
    cores = std::min(cores, static_cast<int>(std::ceil(*quota)));
  }
  return std::max(cores, 1);
}

ProcessorInfo processor_info() {
  ProcessorInfo info;
  info.model = info_line("model name");
  if (info.model.empty()) info.model = "unknown";
  std::string flags = info_line("flags");
  if (flags.empty()) flags = info_line("Features");  // 64-bit ARM
  std::istringstream words(flags);
  for (std::string word; words >> word;) info.features.push_back(word);
  info.cores = ::get_nprocs_conf();
  info.usable_cores = usable_cores();
  double load = 0;
  if (::getloadavg(&load, 1) == 1) info.load = load;
  return info;
}

MemoryInfo memory_info(const ControlGroups& groups) {
  constexpr double kKib = 1024;
  double total = named_number("/proc/meminfo", "MemTotal") * kKib;
  double available = named_number("/proc/meminfo", "MemAvailable") * kKib;
  for (const auto& folder : group_folders(groups, "memory")) {
    const bool unified = fs::exists(folder / "memory.max");
    const auto limit = number_in(folder / (unified ? "memory.max" : "memory.limit_in_bytes"));
    const auto used = number_in(folder / (unified ? "memory.current" : "memory.usage_in_bytes"));
    if (!limit || !used || *limit >= total) continue;
    // Cached files are given back when memory is short.
    const double cached =
        named_number(folder / "memory.stat", unified ? "inactive_file" : "total_inactive_file");
    total = *limit;
    available = std::min(available, std::max(0.0, *limit - *used + cached));
  }
  return {static_cast<std::uint64_t>(total), static_cast<std::uint64_t>(available)};
}

}  // namespace pcnet::core
