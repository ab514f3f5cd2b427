#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "pcnet/core/error.h"
#include "pcnet/weights/safetensors.h"

namespace pcnet::fuzz {

/// A property that no input may break.
inline void require(bool holds) {
  if (!holds) std::abort();
}

/// Reads the tensors' bytes: one that reaches outside of its file is found.
inline void touch(const weights::TensorFile& file) {
  for (const auto& [name, tensor] : file.tensors) {
    if (tensor.numel() == 0) continue;
    if (tensor.numel() < (1 << 20)) {
      require(tensor.contiguous().nbytes() > 0);
      continue;
    }
    at::Tensor last = tensor;  // strides of 0 make views larger than any file: their end will do
    while (last.dim() > 0) last = last.select(/*dim=*/0, -1);
    require(last.clone().nbytes() > 0);
  }
}

/// Runs a parser on a fuzzer's bytes. An Error of one line is a right answer to broken bytes; any
/// other exception, a crash, a hang or an allocation out of proportion is a finding.
template <class Parse>
int run(const std::uint8_t* data, std::size_t size, Parse parse) {
  try {
    parse(std::string_view(reinterpret_cast<const char*>(data), size));
  } catch (const core::Error& error) {
    const std::string_view line = error.what();
    if (line.empty() || line.find('\n') != std::string_view::npos) {
      std::fprintf(stderr, "the error is not one line: %s\n", error.what());
      std::abort();
    }
  }
  return 0;
}

}  // namespace pcnet::fuzz
