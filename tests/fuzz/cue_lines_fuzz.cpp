#include "pcnet/data/cues/cue_store.h"

#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return pcnet::fuzz::run(data, size,
                          [](auto text) { pcnet::data::parse_cue_lines(text, "fuzz.jsonl"); });
}
