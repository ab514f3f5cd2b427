#include "pcnet/weights/pickle.h"

#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return pcnet::fuzz::run(data, size, [](auto bytes) {
    // What was read can be written, and reads back.
    const auto value = pcnet::weights::read_pickle(bytes, "fuzz.p");
    pcnet::weights::read_pickle(pcnet::weights::write_pickle(value), "written.p");
  });
}
