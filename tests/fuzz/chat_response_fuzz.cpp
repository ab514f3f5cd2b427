#include "fuzz.h"
#include "src/cues/llm/chat.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using pcnet::fuzz::require;
  static const pcnet::cues::ApiKey key("");
  return pcnet::fuzz::run(data, size, [](auto text) {
    (void)pcnet::cues::read_models(text, key);
    (void)pcnet::cues::is_quota_used_up(text);
    require(pcnet::cues::server_message(text, key).find('\n') == std::string::npos);
    (void)pcnet::cues::read_completion(text, key);
  });
}
