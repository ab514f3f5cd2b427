#include "fuzz.h"
#include "src/data/annotations/refer_parts.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pcnet;
  return fuzz::run(data, size, [](auto bytes) {
    data::Faults faults;
    data::ReferParts parts;
    data::read_references(bytes, "fuzz.p", parts, &faults);
    for (std::int64_t id = 0; id < 10; ++id) {
      parts.images.push_back({id, "a.jpg", 4, 4});
      auto& annotation = parts.annotations.emplace_back();
      annotation.ann_id = id;
      annotation.image_id = id;
    }
    const auto index =
        data::ReferIndex::from_parts(std::move(parts.images), std::move(parts.annotations),
                                     std::move(parts.references), &faults);
    for (const auto& reference : index.references()) {
      fuzz::require(index.annotation(reference.ann_id).image_id == reference.image_id);
    }
    for (const char* split : {"train", "val", "test", "testA", "testB", "testC"}) {
      try {
        fuzz::require(!index.split(split).empty());
      } catch (const core::Error& none) {
        fuzz::require(std::string_view(none.what()).find("no sentence") != std::string_view::npos);
      }
    }
  });
}
