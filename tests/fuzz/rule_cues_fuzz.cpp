#include "pcnet/cues/known_words.h"
#include "pcnet/cues/rules.h"

#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using pcnet::fuzz::require;
  return pcnet::fuzz::run(data, size, [](auto text) {
    const auto cues = pcnet::cues::rule_cues(text);
    require(!cues.empty() && cues.size() <= 5);
    require(pcnet::cues::rule_cues(text) == cues);
    (void)pcnet::cues::KnownWords(text).new_in(cues.front());
  });
}
