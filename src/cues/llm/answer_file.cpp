#include "answer_file.h"

#include <iomanip>
#include <sstream>
#include <utility>

#include "pcnet/core/crc32c.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/log.h"

namespace pcnet::cues {

using core::cat;
using Json = nlohmann::ordered_json;

namespace {

std::string checksum(const Json& settings) {
  const std::string text = core::json_text(settings);
  std::ostringstream out;
  out << std::hex << std::setw(8) << std::setfill('0') << core::crc32c(text);
  return out.str();
}

}  // namespace

AnswerFile::AnswerFile(const std::filesystem::path& path, Json settings)
    : settings_(std::move(settings)), asked_(checksum(settings_)) {
  if (path.empty()) return;
  file_.emplace(path);
  read_file();
}

void AnswerFile::read_file() {
  std::istringstream lines(file_->read());
  std::vector<std::string> faulty;
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    try {
      read_line(core::parse_json<Json>(line));
    } catch (const std::exception&) {
      faulty.push_back(std::to_string(number));
    }
  }
  const std::string path = file_->path().string();
  if (!faulty.empty()) {
    core::log::warning(cat(path, ": no answer in line ", core::join(faulty, ", "),
                           "; what was asked there is asked again"));
  }
  if (others_ > 0) {
    core::log::info(cat(path, " also holds ", others_, others_ == 1 ? " answer" : " answers",
                        " to another prompt, model or setting: not used"));
  }
}

void AnswerFile::read_line(const Json& line) {
  const bool current = line.at("asked") == asked_;
  if (line.contains("settings")) {
    is_said_ = is_said_ || current;
    return;
  }
  auto text = line.at("text").get<std::string>();
  auto answer = line.at("answer").get<std::string>();
  if (!current) {
    ++others_;
    return;
  }
  answers_[std::move(text)].push_back(std::move(answer));
}

const std::vector<std::string>& AnswerFile::answers_to(const std::string& text) const {
  static const std::vector<std::string> none;
  const auto found = answers_.find(text);
  return found == answers_.end() ? none : found->second;
}

void AnswerFile::add(const Answer& answer) {
  answers_[answer.text].push_back(answer.answer);
  if (!file_) return;
  const auto append = [&](const Json& line) { file_->append(core::json_text(line)); };
  if (!is_said_) append({{"asked", asked_}, {"settings", settings_}});
  is_said_ = true;
  append({{"asked", asked_},
          {"text", answer.text},
          {"answer", answer.answer},
          {"prompt_tokens", answer.prompt_tokens},
          {"completion_tokens", answer.completion_tokens},
          {"seconds", answer.seconds}});
}

}  // namespace pcnet::cues
