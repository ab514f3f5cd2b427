#include "checkpoint_checksum.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include <torch/types.h>
#include <zlib.h>

#include "pcnet/core/format.h"
#include "pcnet/data/annotations/digest.h"
#include "pcnet/weights/weight_file.h"

namespace pcnet::engine {

using core::cat;

namespace {

class Crc32 {
 public:
  void add(const void* data, std::size_t bytes) {
    if (bytes == 0) return;  // without data zlib starts anew
    value_ = ::crc32_z(value_, static_cast<const Bytef*>(data), bytes);
  }
  /// With its length, so that no two lists of texts are the same bytes.
  void add(std::string_view text) {
    const std::string length = cat(text.size(), ":");
    add(length.data(), length.size());
    add(text.data(), text.size());
  }
  std::string text() const { return data::digest_text(static_cast<std::uint32_t>(value_)); }

 private:
  uLong value_ = 0;
};

}  // namespace

std::string checksum_of(const weights::TensorFile& file) {
  Crc32 sum;
  for (const auto& [key, value] : file.metadata) {
    if (key == kChecksum) continue;
    sum.add(key);
    sum.add(value);
  }
  std::vector<const std::pair<std::string, at::Tensor>*> ordered;
  for (const auto& named : file.tensors) ordered.push_back(&named);
  std::sort(ordered.begin(), ordered.end(),
            [](const auto* a, const auto* b) { return a->first < b->first; });
  for (const auto* named : ordered) {
    const at::Tensor data = named->second.contiguous();
    sum.add(named->first);
    sum.add(cat(c10::toString(data.scalar_type()), data.sizes()));
    sum.add(data.const_data_ptr(), data.nbytes());
    weights::release_pages(named->second);  // a large mapped file is not to stay in memory
  }
  return sum.text();
}

}  // namespace pcnet::engine
