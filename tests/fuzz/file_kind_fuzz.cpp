#include "fuzz.h"
#include "src/weights/file_kind.h"

/// A file is known by its first bytes, or refused as what it is, whatever it is called.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pcnet;
  int answer = 0;
  for (const char* name : {"fuzz", "fuzz.pth", "fuzz.safetensors", "fuzz.onnx", "fuzz.ckpt"}) {
    answer |= fuzz::run(data, size, [&](auto bytes) {
      const auto kind = weights::find_file_kind(bytes, name);
      if (kind == weights::FileKind::kZip) fuzz::require(bytes.starts_with("PK"));
    });
  }
  return answer;
}
