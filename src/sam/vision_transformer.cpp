#include "pcnet/sam/vision_transformer.h"

#include <algorithm>
#include <cmath>

#include <ATen/Parallel.h>

#include "pcnet/core/device.h"
#include "pcnet/core/parallel.h"

namespace pcnet::sam {

namespace nn = torch::nn;

namespace {

/// Scores are computed for so many at once that they stay in a processor's cache; on a GPU, that
/// few calls fill it and 256 MiB hold them.
constexpr std::int64_t kMostScores = std::int64_t{1} << 21;
constexpr std::int64_t kMostScoresOnCuda = std::int64_t{1} << 26;

nn::LayerNorm layer_norm(std::int64_t width, double epsilon) {
  return nn::LayerNorm(nn::LayerNormOptions({width}).eps(epsilon));
}

/// Rows of the table for each pair of a query's and a key's place, [n, n, C].
at::Tensor relative_rows(const at::Tensor& table, std::int64_t n) {
  const std::int64_t length = 2 * n - 1;
  at::Tensor rows = table;
  if (table.size(0) != length) {
    rows = at::upsample_linear1d(table.t().unsqueeze(0), {length}, /*align_corners=*/false)
               .squeeze(0)
               .t();
  }
  const at::Tensor places = torch::arange(n, torch::dtype(at::kLong).device(table.device()));
  const at::Tensor apart = places.unsqueeze(1) - places.unsqueeze(0) + (n - 1);
  return rows.index_select(0, apart.flatten()).view({n, n, table.size(1)});
}

/// What attention over squares of n x n cells reads: [B, N, C] each, B = squares * heads, and the
/// terms of the relative positions by key's row and key's column, [B, N, n].
struct Heads {
  at::Tensor query, key, value;
  at::Tensor by_row, by_column;
};

/// Attention of the queries `from` to `to` of the squares `first` to `last`.
void attend_part(const Heads& in, std::int64_t first, std::int64_t last, std::int64_t from,
                 std::int64_t to, at::Tensor& out) {
  const std::int64_t n = in.by_row.size(2);
  const auto part = [&](const at::Tensor& x) { return x.slice(0, first, last).slice(1, from, to); };
  const double scale = 1 / std::sqrt(static_cast<double>(in.query.size(2)));
  at::Tensor scores = at::bmm(part(in.query) * scale, in.key.slice(0, first, last).transpose(1, 2));
  scores.view({last - first, to - from, n, n})
      .add_(part(in.by_row).unsqueeze(-1))
      .add_(part(in.by_column).unsqueeze(-2));
  part(out).copy_(at::bmm(scores.softmax(-1), in.value.slice(0, first, last)));
}

at::Tensor attend(const Heads& in) {
  const std::int64_t squares = in.query.size(0);
  const std::int64_t cells = in.query.size(1);
  at::Tensor out = torch::empty_like(in.query);
  const std::int64_t most = in.query.is_cuda() ? kMostScoresOnCuda : kMostScores;
  const std::int64_t together = std::clamp(most / (cells * cells), std::int64_t{1}, squares);
  const std::int64_t rows = std::min(cells, std::max(std::int64_t{1}, most / cells));
  if (in.query.is_cuda()) {
    for (std::int64_t i = 0; i < squares; i += together) {
      for (std::int64_t from = 0; from < cells; from += rows) {
        attend_part(in, i, std::min(i + together, squares), from, std::min(from + rows, cells),
                    out);
      }
    }
    return out;
  }
  const std::int64_t groups = (squares + together - 1) / together;
  const std::int64_t parts = (cells + rows - 1) / rows;
  // A part a thread: none waits for another within it.
  core::parallel_for(groups * parts, at::get_num_threads(), [&](std::int64_t k) {
    const core::LoopsOnThisThread alone;
    const torch::NoGradGuard no_grad;
    const std::int64_t first = k / parts * together;
    const std::int64_t from = k % parts * rows;
    attend_part(in, first, std::min(first + together, squares), from, std::min(from + rows, cells),
                out);
  });
  return out;
}

}  // namespace

RelativeAttentionImpl::RelativeAttentionImpl(std::int64_t width, std::int64_t heads,
                                             std::int64_t side)
    : heads_(heads) {
  qkv_ = register_module("qkv", nn::Linear(width, 3 * width));
  proj_ = register_module("proj", nn::Linear(width, width));
  rel_pos_h_ = register_parameter("rel_pos_h", torch::zeros({2 * side - 1, width / heads}));
  rel_pos_w_ = register_parameter("rel_pos_w", torch::zeros({2 * side - 1, width / heads}));
}

at::Tensor RelativeAttentionImpl::forward(const at::Tensor& x) {
  const std::int64_t squares = x.size(0);
  const std::int64_t n = x.size(1);
  const std::int64_t width = x.size(3);
  const std::int64_t channels = width / heads_;
  const std::int64_t all = squares * heads_;
  const at::Tensor packed = qkv_(x)
                                .view({squares, n * n, 3, heads_, channels})
                                .permute({2, 0, 3, 1, 4})
                                .reshape({3, all, n * n, channels});
  Heads in{packed[0], packed[1], packed[2], {}, {}};
  const at::Tensor places = in.query.view({all, n, n, channels});
  // Queries of one row meet the table's rows of that row; so for columns.
  in.by_row = at::matmul(places.permute({1, 0, 2, 3}).reshape({n, all * n, channels}),
                         relative_rows(rel_pos_h_, n).transpose(1, 2))
                  .view({n, all, n, n})
                  .permute({1, 0, 2, 3})
                  .reshape({all, n * n, n});
  in.by_column = at::matmul(places.permute({2, 0, 1, 3}).reshape({n, all * n, channels}),
                            relative_rows(rel_pos_w_, n).transpose(1, 2))
                     .view({n, all, n, n})
                     .permute({1, 2, 0, 3})
                     .reshape({all, n * n, n});
  return proj_(attend(in)
                   .view({squares, heads_, n, n, channels})
                   .permute({0, 2, 3, 1, 4})
                   .reshape({squares, n, n, width}));
}

at::Tensor to_windows(const at::Tensor& x, std::int64_t n) {
  const std::int64_t height = (x.size(1) + n - 1) / n;
  const std::int64_t width = (x.size(2) + n - 1) / n;
  const at::Tensor padded =
      at::constant_pad_nd(x, {0, 0, 0, width * n - x.size(2), 0, height * n - x.size(1)});
  return padded.view({x.size(0), height, n, width, n, x.size(3)})
      .permute({0, 1, 3, 2, 4, 5})
      .reshape({x.size(0) * height * width, n, n, x.size(3)});
}

at::Tensor from_windows(const at::Tensor& windows, std::int64_t batch, std::int64_t height,
                        std::int64_t width) {
  const std::int64_t n = windows.size(1);
  const std::int64_t down = (height + n - 1) / n;
  const std::int64_t across = (width + n - 1) / n;
  return windows.view({batch, down, across, n, n, windows.size(3)})
      .permute({0, 1, 3, 2, 4, 5})
      .reshape({batch, down * n, across * n, windows.size(3)})
      .slice(1, 0, height)
      .slice(2, 0, width);
}

VitBlockImpl::VitBlockImpl(std::int64_t width, std::int64_t heads, std::int64_t window,
                           std::int64_t grid)
    : window_(window) {
  constexpr double kEpsilon = 1e-6;
  norm1_ = register_module("norm1", layer_norm(width, kEpsilon));
  attn_ = register_module("attn", RelativeAttention(width, heads, window > 0 ? window : grid));
  norm2_ = register_module("norm2", layer_norm(width, kEpsilon));
  auto mlp = std::make_shared<nn::Module>("mlp");
  lin1_ = mlp->register_module("lin1", nn::Linear(width, 4 * width));
  lin2_ = mlp->register_module("lin2", nn::Linear(4 * width, width));
  register_module("mlp", mlp);
}

at::Tensor VitBlockImpl::forward(const at::Tensor& x) {
  const at::Tensor normed = norm1_(x);
  const at::Tensor attended = window_ == 0 ? attn_(normed)
                                           : from_windows(attn_(to_windows(normed, window_)),
                                                          x.size(0), x.size(1), x.size(2));
  const at::Tensor sum = x + attended;
  at::Tensor hidden = lin1_(norm2_(sum));
  return sum + lin2_(at::gelu_(hidden));
}

VisionTransformerImpl::VisionTransformerImpl(const VisionTransformerOptions& options,
                                             std::int64_t side) {
  const std::int64_t grid = side / kStride;
  auto embed = std::make_shared<nn::Module>("patch_embed");
  patches_ = embed->register_module(
      "proj", nn::Conv2d(nn::Conv2dOptions(3, options.width, kStride).stride(kStride)));
  register_module("patch_embed", embed);
  pos_embed_ = register_parameter("pos_embed", torch::zeros({1, grid, grid, options.width}));
  auto blocks = std::make_shared<nn::Module>("blocks");
  for (std::int64_t i = 0; i < options.blocks; ++i) {
    const auto& global = options.global_blocks;
    const bool whole = std::find(global.begin(), global.end(), i) != global.end();
    blocks_.push_back(blocks->register_module(
        std::to_string(i),
        VitBlock(options.width, options.heads, whole ? 0 : options.window, grid)));
  }
  register_module("blocks", blocks);
  neck_ = register_module("neck", make_neck(options.width));
}

at::Tensor VisionTransformerImpl::forward(const at::Tensor& images) {
  at::Tensor x = patches_(images).permute({0, 2, 3, 1}) + pos_embed_;
  for (auto& block : blocks_) x = block(x);
  return neck_->forward(x.permute({0, 3, 1, 2}));
}

}  // namespace pcnet::sam
