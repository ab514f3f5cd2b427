#include <array>

#include "pcnet/image/rle.h"

#include "fuzz.h"

/// The first two bytes are the size, the rest is COCO's string of one mask or, cut by a blank, two.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pcnet;
  return fuzz::run(data, size, [](std::string_view bytes) {
    if (bytes.size() < 2) return;
    const auto height = static_cast<unsigned char>(bytes[0]);
    const auto width = static_cast<unsigned char>(bytes[1]);
    bytes.remove_prefix(2);
    const std::size_t cut = std::min(bytes.find(' '), bytes.size());
    const image::Rle first = image::from_coco_string(bytes.substr(0, cut), height, width);
    fuzz::require(image::from_coco_string(image::to_coco_string(first), height, width) == first);
    const image::Mask mask = image::decode(first);
    fuzz::require(image::decode(image::encode(mask)).data == mask.data);
    if (cut == bytes.size()) return;
    const image::Rle second = image::from_coco_string(bytes.substr(cut + 1), height, width);
    const std::array<image::Rle, 2> both = {first, second};
    const auto shared = image::area(image::merge(both, /*intersect=*/true));
    fuzz::require(shared == image::intersection(first, second));
    fuzz::require(image::area(image::merge(both)) + shared ==
                  image::area(first) + image::area(second));
    fuzz::require(image::area(image::exactly_one(both)) + 2 * shared ==
                  image::area(first) + image::area(second));
  });
}
