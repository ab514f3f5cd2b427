#include "fuzz.h"
#include "src/weights/torch_pickle.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return pcnet::fuzz::run(
      data, size, [](auto bytes) { pcnet::weights::read_torch_pickle(bytes, "fuzz data.pkl"); });
}
