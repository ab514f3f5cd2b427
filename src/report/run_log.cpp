#include "pcnet/report/run_log.h"

#include <sstream>
#include <utility>

#include "pcnet/core/files.h"
#include "pcnet/core/json.h"

namespace pcnet::report {

using nlohmann::ordered_json;

namespace {

std::string lines_until(const std::string& text, std::int64_t step) {
  std::istringstream in(text);
  std::string kept;
  for (std::string line; std::getline(in, line);) {
    const auto event = core::try_parse_json<ordered_json>(line);
    if (!event.is_object()) continue;
    if (event.value("step", std::int64_t{0}) <= step) kept += line + "\n";
  }
  return kept;
}

const std::filesystem::path& with_lines_until(const std::filesystem::path& path,
                                              std::int64_t step) {
  if (std::filesystem::exists(path)) {
    core::write_file(path, lines_until(core::read_file(path), step));
  }
  return path;
}

}  // namespace

RunLog::RunLog(const std::filesystem::path& path, std::int64_t resume_step)
    : file_(std::in_place, with_lines_until(path, resume_step)) {}

void RunLog::write(const ordered_json& event) {
  if (file_) file_->append(core::json_text(event));
}

}  // namespace pcnet::report
