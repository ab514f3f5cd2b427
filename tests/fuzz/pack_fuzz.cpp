#include <cstring>
#include <memory>
#include <string>

#include "pcnet/data/annotations/digest.h"
#include "pcnet/data/pack/pack.h"

#include "fuzz.h"
#include "src/data/pack/pack_format.h"

namespace {

using namespace pcnet::data;

/// Makes the checksums right again: what lies behind them shall be reached.
void mend_checksums(std::string& bytes) {
  if (bytes.size() < sizeof(PackHeader)) return;
  PackHeader header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  for (auto& place : header.sections) {
    if (place.offset > bytes.size() || place.bytes > bytes.size() - place.offset) continue;
    place.checksum = checksum_of(std::string_view(bytes).substr(place.offset, place.bytes));
  }
  header.checksum = header_checksum(header);
  std::memcpy(bytes.data(), &header, sizeof(header));
}

void read_all(const std::shared_ptr<const std::string>& bytes) {
  const Pack pack(bytes, *bytes, "fuzz.pack");
  for (const auto& annotation : pack.index().annotations()) {
    if (annotation.has_mask()) (void)pack.index().mask(annotation, GroundTruth::kExclusive);
  }
  if (pack.has_cues()) (void)pack.cues();
  if (pack.has_captions()) (void)pack.captions();
  for (const auto& reference : pack.index().references()) {
    for (const auto& sentence : reference.sentences) (void)pack.tokens_of(sentence.text);
  }
  for (const auto& image : pack.index().images()) pack.verify(image.image_id);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return pcnet::fuzz::run(data, size, [](auto input) {
    auto bytes = std::make_shared<std::string>(input);
    mend_checksums(*bytes);
    read_all(bytes);
  });
}
