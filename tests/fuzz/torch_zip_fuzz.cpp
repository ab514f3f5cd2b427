#include "fuzz.h"
#include "src/weights/torch_archive.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return pcnet::fuzz::run(data, size, [](auto bytes) {
    using namespace pcnet::weights;
    const auto file = parse_torch_zip(hold_bytes(std::string(bytes)), "fuzz.pth");
    pcnet::fuzz::touch(file.content);
  });
}
