#include "shared_bytes.h"

#include <utility>

#include "pcnet/core/mapped_file.h"

namespace pcnet::weights {

SharedBytes map_file(const std::filesystem::path& path) {
  const auto file =
      std::make_shared<const core::MappedFile>(path, core::MappedFile::Access::kPrivateCopy);
  return {.owner = file, .bytes = file->bytes(), .mapped = true};
}

SharedBytes hold_bytes(std::string bytes) {
  const auto held = std::make_shared<const std::string>(std::move(bytes));
  return {.owner = held, .bytes = *held, .mapped = false};
}

}  // namespace pcnet::weights
