#include "pcnet/weights/npy.h"

#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return pcnet::fuzz::run(data, size,
                          [](auto bytes) { pcnet::weights::parse_npy(bytes, "fuzz.npy"); });
}
