#include <vector>

#include "pcnet/serve/form.h"
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const pcnet::serve::Limits limits;
  pcnet::fuzz::run(data, size, [&](auto text) { check(parse_question(text, limits), limits); });
  return pcnet::fuzz::run(data, size, [&](auto text) {
    const auto parts = pcnet::serve::parse_form("multipart/form-data; boundary=B", text);
    std::size_t bytes = 0;
    for (const auto& part : parts) bytes += part.content.size();
    pcnet::fuzz::require(bytes <= text.size() && parts.size() <= 256);
    check(parse_question(std::span(parts), limits), limits);
  });
}
