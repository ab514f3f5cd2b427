#include "pcnet/report/run_log.h"

#include <cerrno>
#include <cstring>
#include <sstream>

#include <fcntl.h>
#include <unistd.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"

namespace pcnet::report {

using core::cat;
using nlohmann::ordered_json;

namespace {

std::string lines_until(const std::string& text, std::int64_t step) {
  std::istringstream in(text);
  std::string kept;
  for (std::string line; std::getline(in, line);) {
    const auto event = ordered_json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!event.is_object()) continue;
    if (event.value("step", std::int64_t{0}) <= step) kept += line + "\n";
  }
  return kept;
}

}  // namespace

RunLog::RunLog(std::filesystem::path path, std::int64_t resume_step) : path_(std::move(path)) {
  if (std::filesystem::exists(path_)) {
    core::write_file(path_, lines_until(core::read_file(path_), resume_step));
  }
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor_ < 0) {
    throw core::Error(cat("cannot write ", path_.string(), ": ", std::strerror(errno)));
  }
}

RunLog::~RunLog() { ::close(descriptor_); }

void RunLog::write(const ordered_json& event) {
  const std::string line = event.dump() + "\n";
  const ssize_t written = ::write(descriptor_, line.data(), line.size());
  if (written != static_cast<ssize_t>(line.size())) {
    throw core::Error(cat("cannot write ", path_.string(), ": ",
                          written < 0 ? std::strerror(errno) : "the disk is full"));
  }
}

}  // namespace pcnet::report
