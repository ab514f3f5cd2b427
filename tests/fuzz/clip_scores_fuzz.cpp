#include "pcnet/data/proposals/clip_scores.h"

#include "fuzz.h"

/// What is read has a digest of proposals.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pcnet;
  return fuzz::run(data, size, [](std::string_view text) {
    const data::ClipScores scores(text, "fuzz.jsonl");
    fuzz::require(!scores.proposals().digest.empty());
  });
}
