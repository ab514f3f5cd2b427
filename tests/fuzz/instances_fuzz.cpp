#include "fuzz.h"
#include "src/data/annotations/refer_parts.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pcnet;
  return fuzz::run(data, size, [](auto bytes) {
    data::Faults faults;
    data::ReferParts parts;
    data::read_instances(bytes, "fuzz.json", parts, &faults);
    const auto index =
        data::ReferIndex::from_parts(std::move(parts.images), std::move(parts.annotations),
                                     std::move(parts.references), &faults);
    for (const auto& fault : faults.all()) {
      fuzz::require(!fault.kind.empty() && fault.what.find('\n') == std::string::npos);
    }
    // What was let in can be drawn at its picture's size.
    for (const auto& annotation : index.annotations()) {
      const auto& picture = index.image(annotation.image_id);
      if (!annotation.has_mask() || picture.height * picture.width > (1 << 16)) continue;
      const auto whole = image::area(index.mask(annotation));
      const auto exclusive = image::area(index.mask(annotation, data::GroundTruth::kExclusive));
      fuzz::require(exclusive <= whole && whole <= picture.height * picture.width);
    }
  });
}
