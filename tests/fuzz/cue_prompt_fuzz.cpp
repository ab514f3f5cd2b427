#include "pcnet/cues/prompt.h"

#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using pcnet::fuzz::require;
  return pcnet::fuzz::run(data, size, [](auto text) {
    const auto prompt = pcnet::cues::parse_prompt(text, "fuzz.txt");
    require(!prompt.ask("the red cup", 5).empty());
  });
}
