#include "pcnet/data/proposals/proposal_formats.h"

#include "fuzz.h"

/// Each line that is found must be inside of the text; its masks must have their size; written
/// again, it says the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pcnet;
  return fuzz::run(data, size, [](std::string_view text) {
    for (const auto& [image_id, span] : data::index_proposal_lines(text, "fuzz.jsonl")) {
      fuzz::require(span.begin + span.size <= text.size());
      const auto line = text.substr(span.begin, span.size);
      const auto proposals = data::parse_proposal_line(line, "fuzz.jsonl");
      const auto again =
          data::parse_proposal_line(data::proposal_line(image_id, {}, proposals), "");
      fuzz::require(again.size() == proposals.size());
      for (std::size_t i = 0; i < proposals.size(); ++i) {
        const auto& [mask, predicted_iou, stability, score] = proposals[i];
        std::int64_t pixels = 0;
        for (const auto run : mask.counts) pixels += run;
        fuzz::require(pixels == mask.height * mask.width);
        fuzz::require(again[i].mask == mask && again[i].predicted_iou == predicted_iou &&
                      again[i].stability == stability && again[i].score == score);
      }
    }
  });
}
