#include "pcnet/metrics/scores.h"
#include "pcnet/report/sentence_answers.h"

#include "fuzz.h"

/// What is read has an IoU of 0 to 1.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pcnet;
  return fuzz::run(data, size, [](std::string_view text) {
    for (const auto& answer : report::parse_answer_lines(text, "fuzz.jsonl")) {
      const double iou = metrics::iou(answer.score);
      fuzz::require(iou >= 0 && iou <= 1);
    }
  });
}
