#include "fuzz.h"
#include "src/data/annotations/refer_parts.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pcnet;
  // No path of the input may name a file that is there.
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.find('/') != text.npos || text.find("\\\\") != text.npos) return 0;
  return fuzz::run(data, size, [](auto bytes) {
    data::Faults faults;
    data::ReferParts parts;
    data::DatasetFiles files;
    files.images = "/nowhere/at/all";
    files.annotations = files.images / "fuzz.jsonl";
    data::read_custom(bytes, files, parts, &faults);
    data::Faults broken;  // the reader leaves nothing else that does not fit together
    const auto index =
        data::ReferIndex::from_parts(std::move(parts.images), std::move(parts.annotations),
                                     std::move(parts.references), &broken);
    fuzz::require(broken.all().size() == index.damaged().size());
    for (const auto& fault : faults.all()) {
      fuzz::require(!fault.kind.empty() && fault.what.find('\n') == std::string::npos);
    }
    for (const auto& annotation : index.annotations()) {
      const auto& picture = index.image(annotation.image_id);
      if (!annotation.has_mask() || picture.height * picture.width > (1 << 16)) continue;
      fuzz::require(image::area(index.mask(annotation)) <= picture.height * picture.width);
    }
  });
}
