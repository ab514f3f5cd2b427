#include "pcnet/image/normalise.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/team.h"

namespace pcnet::image {

namespace {

/// One pass over bytes that lie pixel by pixel; a table of 3 x 256 floats replaces the arithmetic.
void look_up(const std::uint8_t* from, float* to, std::int64_t pixels, const Colours& colours) {
  std::array<std::array<float, 256>, 3> table;
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t v = 0; v < 256; ++v) {
      table[c][v] = static_cast<float>((static_cast<double>(v) / 255 - colours.mean[c]) /
                                       colours.deviation[c]);
    }
  }
  constexpr std::int64_t kChunk = 65536;  // pixels
  core::on_team((pixels + kChunk - 1) / kChunk, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t last = 3 * std::min(end * kChunk, pixels);
    for (std::int64_t i = 3 * begin * kChunk; i < last; i += 3) {
      to[i] = table[0][from[i]];
      to[i + 1] = table[1][from[i + 1]];
      to[i + 2] = table[2][from[i + 2]];
    }
  });
}

}  // namespace

at::Tensor normalise(const at::Tensor& images, const at::TensorOptions& like,
                     const Colours& colours) {
  constexpr auto kLast = at::MemoryFormat::ChannelsLast;
  const auto type = like.dtype().toScalarType();
  if (images.is_cpu() && like.device().is_cpu() && type == at::kFloat) {
    const at::Tensor bytes = images.contiguous(kLast);
    at::Tensor out = torch::empty(bytes.sizes(), like.memory_format(kLast));
    look_up(bytes.const_data_ptr<std::uint8_t>(), out.mutable_data_ptr<float>(), bytes.numel() / 3,
            colours);
    return out;
  }
  const auto channel = [&](const std::array<double, 3>& values) {  // made there, not copied
    const at::TensorOptions there = like.dtype(type).requires_grad(false);
    return at::cat({at::full({1, 1, 1, 1}, 255 * values[0], there),
                    at::full({1, 1, 1, 1}, 255 * values[1], there),
                    at::full({1, 1, 1, 1}, 255 * values[2], there)},
                   /*dim=*/1);
  };
  return images.to(like.device(), type, /*non_blocking=*/false, /*copy=*/false, kLast)
      .sub(channel(colours.mean))
      .div_(channel(colours.deviation));
}

at::Tensor stack_pictures(at::TensorList pictures, bool pinned) {
  if (pictures.empty()) throw core::Error("there is no image to stack");
  const auto sizes = pictures.front().sizes();
  const auto count = static_cast<std::int64_t>(pictures.size());
  // Stacked as [B, H, W, 3]: pictures lie pixel by pixel already, and at::stack would undo that.
  at::Tensor pixels = torch::empty({count, sizes[1], sizes[2], sizes[0]},
                                   at::TensorOptions().dtype(at::kByte).pinned_memory(pinned));
  auto* to = pixels.mutable_data_ptr<std::uint8_t>();
  for (const auto& picture : pictures) {
    if (picture.sizes() != sizes || picture.scalar_type() != at::kByte) {
      throw core::Error(core::cat("cannot stack images of ", sizes, " and ", picture.sizes()));
    }
    // Copied by hand: at::stack would start a team of threads in every thread that makes batches.
    const at::Tensor from = picture.permute({1, 2, 0}).contiguous();
    to = std::copy_n(from.const_data_ptr<std::uint8_t>(), from.numel(), to);
  }
  return pixels.permute({0, 3, 1, 2});
}

}  // namespace pcnet::image
