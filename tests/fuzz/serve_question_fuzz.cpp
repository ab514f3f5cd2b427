#include <vector>

#include "pcnet/serve/question.h"

#include "fuzz.h"

namespace {

void check(const pcnet::serve::Question& question, const pcnet::serve::Limits& limits) {
  using pcnet::fuzz::require;
  require(question.image.empty() != question.image_id.empty());
  require(!question.texts.empty() &&
          static_cast<std::int64_t>(question.texts.size()) <= limits.texts);
  require(question.cues.empty() || question.cues.size() == question.texts.size());
  require(question.clicks.empty() || question.clicks.size() == question.texts.size());
}

/// A form as the fuzzer writes one: name, 0, content, 0, and so on.
std::vector<pcnet::serve::Part> parts_of(std::string_view text) {
  std::vector<pcnet::serve::Part> parts;
  while (!text.empty()) {
    std::string pieces[2];
    for (auto& piece : pieces) {
      const auto end = text.find('\0');
      piece = text.substr(0, end);
      text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    }
    parts.push_back({pieces[0], pieces[1]});
  }
  return parts;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const pcnet::serve::Limits limits;
  pcnet::fuzz::run(data, size, [&](auto text) { check(parse_question(text, limits), limits); });
  return pcnet::fuzz::run(data, size, [&](auto text) {
    const auto parts = parts_of(text);
    check(parse_question(std::span(parts), limits), limits);
  });
}
