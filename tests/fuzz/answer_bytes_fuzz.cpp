#include "pcnet/engine/answer_bytes.h"

#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pcnet;
  return fuzz::run(data, size, [](auto bytes) {
    std::vector<engine::EvaluatedSentence> sentences(4);
    engine::fill_answers(bytes, sentences);
    // What was taken is told again and taken again alike.
    std::vector<engine::EvaluatedSentence> again(4);
    const std::string told = engine::answer_bytes(sentences);
    engine::fill_answers(told, again);
    fuzz::require(engine::answer_bytes(again) == told);
  });
}
