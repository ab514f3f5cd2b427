#include <string>

#include <zlib.h>

#include "fuzz.h"
#include "src/image/byte_order.h"
#include "src/image/decoders.h"

namespace {

using namespace pcnet::image;

/// Makes the checksums of whole chunks right again: what lies behind them shall be reached.
void mend_checksums(std::string& bytes) {
  for (std::size_t at = 8; at + 12 <= bytes.size();) {
    const std::size_t length = big_endian(std::string_view(bytes).substr(at, 4));
    if (length > bytes.size() - at - 12) return;
    const auto* checked = reinterpret_cast<const Bytef*>(&bytes[at + 4]);
    const uLong sum = crc32_z(0, checked, length + 4);
    for (std::size_t i = 0; i < 4; ++i) {
      bytes[at + 8 + length + i] = static_cast<char>(sum >> (24 - 8 * i));
    }
    at += 12 + length;
  }
}

/// A header may ask for as much memory as a picture may take.
bool is_large(std::string_view bytes) {
  constexpr std::uint32_t kMostSide = 1024;
  return bytes.size() >= 24 && (big_endian(bytes.substr(16, 4)) > kMostSide ||
                                big_endian(bytes.substr(20, 4)) > kMostSide);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return pcnet::fuzz::run(data, size, [](auto input) {
    std::string bytes(input);
    mend_checksums(bytes);
    const int orientation = orientation_of(bytes);
    pcnet::fuzz::require(orientation >= 1 && orientation <= 8);
    if (is_large(bytes)) return;
    const Mask mask = decode_mask(bytes);
    for (const auto pixel : mask.data) pcnet::fuzz::require(pixel <= 1);
  });
}
