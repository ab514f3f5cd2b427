#include "fuzz.h"
#include "src/weights/safetensors_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return pcnet::fuzz::run(data, size, [](auto bytes) {
    using namespace pcnet::weights;
    pcnet::fuzz::touch(parse_safetensors(hold_bytes(std::string(bytes)), "fuzz.safetensors"));
  });
}
