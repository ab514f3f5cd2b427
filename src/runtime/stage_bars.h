#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "pcnet/core/progress.h"

namespace pcnet::runtime {

/// A bar for each stage of a long piece of work, one after the other.
class StageBars {
 public:
  /// @param doing what is being done to all of them, e.g. "checking"
  explicit StageBars(std::string doing) : doing_(std::move(doing)) {}

  void update(const std::string& what, std::int64_t done, std::int64_t total) {
    if (what != what_) {
      progress_.emplace(doing_ + " " + what, total, what);
      what_ = what;
    }
    progress_->update(done);
    if (done == total) progress_->finish();
  }

 private:
  std::string doing_;
  std::string what_;
  std::optional<core::Progress> progress_;
};

}  // namespace pcnet::runtime
