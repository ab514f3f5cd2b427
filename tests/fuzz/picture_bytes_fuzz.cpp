#include "pcnet/image/picture_bytes.h"

#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using pcnet::fuzz::require;
  return pcnet::fuzz::run(data, size, [](auto file) {
    const auto said = pcnet::image::size_in_header(file);
    if (!said || said->height * said->width > 1 << 20) return;
    // What a header says is what is decoded: a server refuses by it what is too large.
    const auto picture = pcnet::image::decode_picture(file);
    require(picture.height * picture.width <= said->height * said->width);
  });
}
