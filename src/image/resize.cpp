#include "pcnet/image/resize.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <vector>

#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/wide_registers.h"

namespace pcnet::image {

namespace {

constexpr std::int64_t kChannels = 3;
constexpr int kBits = 22;  // of a weight's fraction, as in Pillow
constexpr std::uint32_t kHalf = 1U << (kBits - 1);
constexpr std::uint32_t kMostSum = (256U << kBits) - 1;  // rounded weights may exceed 1

std::uint8_t to_byte(std::uint32_t sum) {
  return static_cast<std::uint8_t>(std::min(sum, kMostSum) >> kBits);
}

/// What the pixels of a side are made of: pixel i of `count[i]` old ones from `begin[i]`, with the
/// weights from `weights[i * most]`.
struct Taps {
  std::int64_t most = 0;
  std::vector<std::int64_t> begin;
  std::vector<std::int64_t> count;
  std::vector<std::uint32_t> weights;
};

/// A triangle over the old pixels, as wide as two of the larger pixels, with Pillow's rounding.
Taps taps_between(std::int64_t from, std::int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double reach = std::max(scale, 1.0);
  Taps taps;
  taps.most = 2 * static_cast<std::int64_t>(std::ceil(reach)) + 1;
  taps.weights.resize(static_cast<std::size_t>(to * taps.most));
  std::vector<double> shares(static_cast<std::size_t>(taps.most));
  for (std::int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const auto begin = std::max(std::int64_t{0}, static_cast<std::int64_t>(centre - reach + 0.5));
    const auto end = std::min(from, static_cast<std::int64_t>(centre + reach + 0.5));
    taps.begin.push_back(begin);
    taps.count.push_back(end - begin);
    double sum = 0;
    for (std::int64_t x = begin; x < end; ++x) {
      const double distance = (static_cast<double>(x) - centre + 0.5) * (1.0 / reach);
      const double share = std::max(0.0, 1.0 - std::abs(distance));
      shares[static_cast<std::size_t>(x - begin)] = share;
      sum += share;
    }
    std::transform(shares.begin(), shares.begin() + (end - begin),
                   taps.weights.begin() + i * taps.most, [sum](double share) {
                     return static_cast<std::uint32_t>(0.5 + share / sum * (1U << kBits));
                   });
  }
  return taps;
}

/// A row of pixels from an old one, behind which a byte may be read: the fourth sum is of the next
/// pixel's first byte, and dropped.
PCNET_ALSO_AVX2 void resize_row(const std::uint8_t* from, const Taps& taps, std::int64_t width,
                                std::uint8_t* to) {
  using Numbers = std::uint32_t __attribute__((vector_size(16)));
  constexpr Numbers kMost = {kMostSum, kMostSum, kMostSum, kMostSum};
  const std::int64_t* begin = taps.begin.data();
  const std::int64_t* count = taps.count.data();
  const std::uint32_t* weights = taps.weights.data();
  const std::int64_t most = taps.most;
  for (std::int64_t x = 0; x < width; ++x, weights += most, to += kChannels) {
    const std::uint8_t* pixel = from + kChannels * begin[x];
    Numbers sums = {kHalf, kHalf, kHalf, kHalf};
    for (std::int64_t t = 0; t < count[x]; ++t, pixel += kChannels) {
      std::uint32_t four;
      std::memcpy(&four, pixel, sizeof(four));
      sums += (Numbers{four, four, four, four} >> Numbers{0, 8, 16, 24} & 255U) * weights[t];
    }
    sums = (sums < kMost ? sums : kMost) >> kBits;
    for (int c = 0; c < kChannels; ++c) to[c] = static_cast<std::uint8_t>(sums[c]);
  }
}

/// A row of bytes from `count` old ones of that length, from the weights.
PCNET_ALSO_AVX2 void mix_rows(const std::uint8_t* from, std::int64_t count,
                              const std::uint32_t* weights, std::int64_t bytes, std::uint8_t* to) {
  constexpr std::int64_t kBlock = 64;  // their sums stay in registers
  std::int64_t at = 0;
  for (; at + kBlock <= bytes; at += kBlock) {
    std::uint32_t sums[kBlock];
    for (auto& sum : sums) sum = kHalf;
    for (std::int64_t t = 0; t < count; ++t) {
      const std::uint8_t* row = from + t * bytes + at;
      for (std::int64_t i = 0; i < kBlock; ++i) sums[i] += weights[t] * row[i];
    }
    for (std::int64_t i = 0; i < kBlock; ++i) to[at + i] = to_byte(sums[i]);
  }
  for (; at < bytes; ++at) {
    std::uint32_t sum = kHalf;
    for (std::int64_t t = 0; t < count; ++t) sum += weights[t] * from[t * bytes + at];
    to[at] = to_byte(sum);
  }
}

/// Rows `begin` to `end` of the picture, each `width` pixels wide.
std::vector<std::uint8_t> resize_rows(const Picture& picture, std::int64_t begin, std::int64_t end,
                                      std::int64_t width) {
  const Taps taps = taps_between(picture.width, width);
  const std::int64_t bytes = kChannels * width;
  std::vector<std::uint8_t> resized(static_cast<std::size_t>((end - begin) * bytes));
  std::vector<std::uint8_t> row(static_cast<std::size_t>(kChannels * picture.width + 1));
  for (std::int64_t y = begin; y < end; ++y) {
    std::copy_n(picture.pixel(y, 0), kChannels * picture.width, row.begin());
    resize_row(row.data(), taps, width, resized.data() + (y - begin) * bytes);
  }
  return resized;
}

void check(const Picture& picture) {
  if (picture.height >= 1 && picture.width >= 1) return;
  throw core::Error(core::cat("an image of height ", picture.height, " and width ", picture.width,
                              " has no pixels"));
}

}  // namespace

at::Tensor to_tensor(const Picture& picture) {
  check(picture);
  at::Tensor pixels = torch::empty({picture.height, picture.width, kChannels}, at::kByte);
  std::copy(picture.rgb.begin(), picture.rgb.end(), pixels.mutable_data_ptr<std::uint8_t>());
  return pixels.permute({2, 0, 1});
}

Mask to_mask(const at::Tensor& inside) {
  const at::Tensor pixels = inside.to(at::kCPU, at::kByte).contiguous();
  Mask mask(pixels.size(0), pixels.size(1));
  std::copy_n(pixels.const_data_ptr<std::uint8_t>(), pixels.numel(), mask.data.begin());
  return mask;
}

at::Tensor resize(const Picture& picture, std::int64_t height, std::int64_t width) {
  check(picture);
  if (height < 1 || width < 1) {
    throw core::Error(core::cat("cannot resize an image to ", height, " x ", width));
  }
  if (picture.height == height && picture.width == width) return to_tensor(picture);
  const Taps taps = taps_between(picture.height, height);
  const std::int64_t first = taps.begin.front();
  const auto rows = resize_rows(picture, first, taps.begin.back() + taps.count.back(), width);
  at::Tensor pixels = torch::empty({height, width, kChannels}, at::kByte);
  auto* to = pixels.mutable_data_ptr<std::uint8_t>();
  const std::int64_t bytes = kChannels * width;
  for (std::int64_t y = 0; y < height; ++y) {
    const auto i = static_cast<std::size_t>(y);
    mix_rows(rows.data() + (taps.begin[i] - first) * bytes, taps.count[i],
             taps.weights.data() + y * taps.most, bytes, to + y * bytes);
  }
  return pixels.permute({2, 0, 1});
}

at::Tensor resize_square(const Picture& picture, std::int64_t size) {
  return resize(picture, size, size);
}

}  // namespace pcnet::image
