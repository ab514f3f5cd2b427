#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "pcnet/core/line_file.h"

namespace pcnet::report {

/// `log.jsonl` of a run: one object a step or event, a line each, on disk as soon as written.
class RunLog {
 public:
  /// One that writes nothing, of a process that does not lead.
  RunLog() = default;
  /// Opens for appending. @param resume_step lines of steps after it, and a torn last line, are
  /// dropped first (a run that goes on from a checkpoint repeats them)
  RunLog(const std::filesystem::path& path, std::int64_t resume_step);

  /// Error when the line cannot be written (a full disk).
  void write(const nlohmann::ordered_json& event);

 private:
  std::optional<core::LineFile> file_;
};

}  // namespace pcnet::report
