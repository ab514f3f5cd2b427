#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <nlohmann/json.hpp>

#include "pcnet/core/line_file.h"

namespace pcnet::cues {

/// One answer of a language model, as it came.
struct Answer {
  std::string text;  ///< the referring expression
  std::string answer;
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  double seconds = 0;
};

/// Every answer that was ever received, as JSON lines: {"asked": checksum, "settings": {...}} says
/// how some were asked for, {"asked", "text", "answer", ...} are those, in the order received.
/// Answers that were asked for in another way stay in the file and are not used.
class AnswerFile {
 public:
  /// A line that is no answer is left out with a warning: its question is asked again.
  /// @param path empty: answers are kept in memory alone
  AnswerFile(const std::filesystem::path& path, nlohmann::ordered_json settings);

  /// The answers to a text that were asked for in this way, in the order received.
  const std::vector<std::string>& answers_to(const std::string& text) const;
  /// Whether no answer was asked for in this way.
  bool empty() const { return answers_.empty(); }
  void add(const Answer& answer);
  void sync() {
    if (file_) file_->sync();
  }

 private:
  void read_file();
  void read_line(const nlohmann::ordered_json& line);

  std::optional<core::LineFile> file_;
  nlohmann::ordered_json settings_;
  std::string asked_;     // the checksum of the settings
  bool is_said_ = false;  // the file holds them
  std::int64_t others_ = 0;
  std::unordered_map<std::string, std::vector<std::string>> answers_;
};

}  // namespace pcnet::cues
