#include "pcnet/cues/llm/answer.h"

#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using pcnet::fuzz::require;
  return pcnet::fuzz::run(data, size, [](auto text) {
    const auto phrases = pcnet::cues::phrases_in(text);
    const auto judged = pcnet::cues::judge_answer(text, "the red cup on the left", {.most = 5});
    require(judged.cues.size() <= 5 && judged.cues.empty() == !judged.fault.empty());
  });
}
