#include "pcnet/model/response_map.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/types.h>

#include "pcnet/core/team.h"
#include "pcnet/core/wide_registers.h"

namespace pcnet::model {

namespace {

constexpr double kLeastLength = 1e-12;  // divides a vector of zeros

// Similarities have the type of their inputs whatever the step's arithmetic: 8 binary digits of a
// cosine would decide which cell is the peak. They cost little.
using NoAutocast = c10::impl::ExcludeDispatchKeyGuard;

/// What a pixel is made of: (1 - share) of one cell and `share` of another.
struct Mixture {
  std::int64_t first, second;
  float share;
};

/// Of a side, in LibTorch's arithmetic: torch.nn.functional.interpolate, bilinear.
std::vector<Mixture> mixtures(std::int64_t cells, std::int64_t pixels, bool align_corners) {
  std::vector<Mixture> all;
  const float step = !align_corners ? static_cast<float>(cells) / static_cast<float>(pixels)
                     : pixels > 1   ? static_cast<float>(cells - 1) / static_cast<float>(pixels - 1)
                                    : 0.0F;
  for (std::int64_t i = 0; i < pixels; ++i) {
    const auto at = static_cast<float>(i);
    const float place = align_corners ? step * at : std::max(step * (at + 0.5F) - 0.5F, 0.0F);
    const std::int64_t first = std::min(static_cast<std::int64_t>(place), cells - 1);
    const float share = std::clamp(place - static_cast<float>(first), 0.0F, 1.0F);
    all.push_back({first, std::min(first + 1, cells - 1), share});
  }
  return all;
}

PCNET_ALSO_AVX2 void mix_rows(const float* __restrict first, const float* __restrict second,
                              float share, std::int64_t count, float* __restrict out) {
  const float rest = 1 - share;
  for (std::int64_t i = 0; i < count; ++i) out[i] = rest * first[i] + share * second[i];
}

/// Bilinear, [M, h, w] float32 on a processor -> [M, H, W]: each row of cells is stretched once,
/// and each row of pixels is made of two of these.
at::Tensor stretched(const at::Tensor& maps, std::int64_t height, std::int64_t width,
                     bool align_corners) {
  const at::Tensor in = maps.contiguous();
  const std::int64_t rows = in.size(1);
  const std::int64_t cells = in.size(2);
  const std::vector<Mixture> down = mixtures(rows, height, align_corners);
  const std::vector<Mixture> across = mixtures(cells, width, align_corners);
  at::Tensor out = at::empty({in.size(0), height, width}, in.options());
  const auto* from = in.const_data_ptr<float>();
  auto* to = out.mutable_data_ptr<float>();
  core::on_team(in.size(0), [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> wide(static_cast<std::size_t>(rows * width));
    for (std::int64_t m = begin; m < end; ++m) {
      auto pixel = wide.begin();
      for (std::int64_t y = 0; y < rows; ++y) {
        const float* row = from + (m * rows + y) * cells;
        for (const auto& [first, second, share] : across) {
          *pixel++ = (1 - share) * row[first] + share * row[second];
        }
      }
      for (std::int64_t y = 0; y < height; ++y) {
        const auto& [first, second, share] = down[static_cast<std::size_t>(y)];
        mix_rows(&wide[static_cast<std::size_t>(first * width)],
                 &wide[static_cast<std::size_t>(second * width)], share, width,
                 to + (m * height + y) * width);
      }
    }
  });
  return out;
}

}  // namespace

at::Tensor unit(const at::Tensor& x, std::int64_t dim) {
  // kLeastLength is no number of fp16, and a length may be beyond its largest.
  const at::Tensor wide = at::isReducedFloatingType(x.scalar_type()) ? x.to(at::kFloat) : x;
  const at::Tensor length = wide.norm(/*p=*/2, dim, /*keepdim=*/true);
  return (wide / length.clamp_min(kLeastLength)).to(x.scalar_type());
}

at::Tensor cell_products(const at::Tensor& visual, const at::Tensor& texts) {
  const NoAutocast exact(c10::autocast_dispatch_keyset);
  return at::bmm(texts, visual.flatten(/*start_dim=*/2))
      .view({visual.size(0), texts.size(1), visual.size(2), visual.size(3)});
}

at::Tensor all_pairs_cosine(const at::Tensor& visual, const at::Tensor& text) {
  const NoAutocast exact(c10::autocast_dispatch_keyset);
  const at::Tensor cells = visual.flatten(/*start_dim=*/2);  // [B, C, P]
  return at::matmul(text, cells)
      .view({visual.size(0), text.size(0), visual.size(2), visual.size(3)});
}

at::Tensor response(const at::Tensor& logits) { return at::relu(logits); }

at::Tensor resize_to_picture(const at::Tensor& maps, std::int64_t height, std::int64_t width,
                             bool align_corners) {
  // Without a gradient: only what is answered is stretched.
  const bool ours = maps.is_cpu() && maps.scalar_type() == at::kFloat && !maps.requires_grad() &&
                    maps.numel() > 0 && height > 0 && width > 0;
  if (ours) return stretched(maps, height, width, align_corners);
  return at::upsample_bilinear2d(maps.unsqueeze(/*dim=*/1), {height, width}, align_corners)
      .squeeze(/*dim=*/1);
}

at::Tensor resize_as_released(const at::Tensor& logits, std::int64_t side, std::int64_t height,
                              std::int64_t width) {
  const at::Tensor square = resize_to_picture(logits, side, side, /*align_corners=*/false);
  return resize_to_picture(response(square), height, width, /*align_corners=*/true);
}

}  // namespace pcnet::model
