#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pcnet::core {

/// Names what the calling thread computes while it lives, for a Profile; without one it does
/// nothing. Parts may be nested: the inner one counts.
class PartScope {
 public:
  explicit PartScope(const char* name, std::int64_t number = -1);
  ~PartScope();
  PartScope(const PartScope&) = delete;
  PartScope& operator=(const PartScope&) = delete;

 private:
  std::size_t part_ = 0;
  std::uint64_t first_ = 0;  // of the graph's nodes that are made meanwhile
  bool on_ = false;
};

/// Counts, for the part that the calling thread computes, what LibTorch does not see: two for each
/// product and sum.
void count_operations(double operations);

/// While it lives, tells where time goes on processors: by the parts that PartScope names, each
/// with its share of backward passes, whose nodes are known by what made them.
class Profile {
 public:
  struct Part {
    std::string name;
    double forward_seconds = 0;  ///< of all threads together
    double backward_seconds = 0;
    double core_seconds = 0;  ///< both, times the threads that a thread's loops may use
    double operations = 0;    ///< of products and convolutions, two for each product and sum
  };

  /// One at a time.
  Profile();
  ~Profile();
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  /// Forgets what was counted.
  void clear();
  /// In order of their first appearance; without what stands in no part.
  std::vector<Part> parts() const;

 private:
  std::uint64_t callback_;
};

}  // namespace pcnet::core
