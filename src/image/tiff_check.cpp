#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

#include "decoders.h"
#include "tiff_numbers.h"

namespace pcnet::image {

namespace {

/// A list of whole numbers in a TIFF directory: where it lies and how it is written.
struct NumberList {
  std::size_t place = 0;
  std::size_t count = 0;
  std::size_t bytes = 0;
};

/// The list behind the directory entry at `entry`; short lists stand in the entry itself.
NumberList list_at(const TiffNumbers& numbers, std::size_t entry) {
  constexpr std::uint32_t kShort = 3;
  NumberList list;
  list.bytes = numbers.at(entry + 2, 2) == kShort ? 2 : 4;
  list.count = numbers.at(entry + 4, 4);
  list.place = list.count * list.bytes <= 4 ? entry + 8 : numbers.at(entry + 8, 4);
  return list;
}

[[noreturn]] void fail_cut(std::size_t size) {
  throw core::Error(core::cat("the TIFF is damaged or cut short: its data lie beyond the ", size,
                              " bytes of the file"));
}

}  // namespace

void check_tiff(std::string_view bytes) {
  const TiffNumbers numbers(bytes);
  const std::size_t directory = numbers.at(4, 4);
  const std::size_t entries = numbers.at(directory, 2);
  const std::size_t end = directory + 2 + 12 * entries;
  if (bytes.size() < 8 || entries == 0 || end > bytes.size()) fail_cut(bytes.size());
  NumberList offsets;
  NumberList sizes;
  for (std::size_t entry = directory + 2; entry < end; entry += 12) {
    const std::uint32_t tag = numbers.at(entry, 2);
    if (tag == 273 || tag == 324) offsets = list_at(numbers, entry);  // strips or tiles
    if (tag == 279 || tag == 325) sizes = list_at(numbers, entry);
  }
  for (const NumberList& list : {offsets, sizes}) {
    if (list.place + list.count * list.bytes > bytes.size()) fail_cut(bytes.size());
  }
  for (std::size_t i = 0; i < offsets.count && i < sizes.count; ++i) {
    const std::size_t begin = numbers.at(offsets.place + i * offsets.bytes, offsets.bytes);
    const std::size_t size = numbers.at(sizes.place + i * sizes.bytes, sizes.bytes);
    if (begin + size > bytes.size()) fail_cut(bytes.size());
  }
}

}  // namespace pcnet::image
