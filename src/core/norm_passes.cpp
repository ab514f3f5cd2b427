#include "norm_passes.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <type_traits>
#include <vector>

#include <torch/types.h>

#include "pcnet/core/team.h"
#include "pcnet/core/wide_registers.h"

namespace pcnet::core::norm_passes {

namespace {

// Kernels: rows of `channels` numbers that lie one after the other -------------------------------

/// The sums of x - from and of its squares, by channel.
PCNET_ALSO_AVX2 void add_moments(const float* __restrict x, std::int64_t rows,
                                 std::int64_t channels, const float* __restrict from,
                                 float* __restrict sums, float* __restrict squares) {
  std::int64_t row = 0;
  for (; row + 4 <= rows; row += 4, x += 4 * channels) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float a = x[c] - from[c];
      const float b = x[channels + c] - from[c];
      const float d = x[2 * channels + c] - from[c];
      const float e = x[3 * channels + c] - from[c];
      sums[c] += (a + b) + (d + e);
      squares[c] += (a * a + b * b) + (d * d + e * e);
    }
  }
  for (; row < rows; ++row, x += channels) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float a = x[c] - from[c];
      sums[c] += a;
      squares[c] += a * a;
    }
  }
}

/// y = (x - mean) * scale + shift, where that is not below `least`
PCNET_ALSO_AVX2 void apply(const float* __restrict x, std::int64_t rows, std::int64_t channels,
                           const float* __restrict mean, const float* __restrict scale,
                           const float* __restrict shift, float least, float* __restrict y) {
  for (std::int64_t row = 0; row < rows; ++row, x += channels, y += channels) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float value = (x[c] - mean[c]) * scale[c] + shift[c];
      y[c] = value < least ? least : value;
    }
  }
}

/// y = ReLU((x - mean) * scale + shift + other)
PCNET_ALSO_AVX2 void apply_add(const float* __restrict x, const float* __restrict other,
                               std::int64_t rows, std::int64_t channels,
                               const float* __restrict mean, const float* __restrict scale,
                               const float* __restrict shift, float* __restrict y) {
  for (std::int64_t row = 0; row < rows; ++row, x += channels, y += channels, other += channels) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float value = (x[c] - mean[c]) * scale[c] + shift[c] + other[c];
      y[c] = value < 0 ? 0 : value;
    }
  }
}

/// The gradient where y is above 0.
PCNET_ALSO_AVX2 void mask(const float* __restrict gradient, const float* __restrict y,
                          std::int64_t count, float* __restrict masked) {
  for (std::int64_t i = 0; i < count; ++i) masked[i] = y[i] <= 0 ? 0 : gradient[i];
}

/// The sums of the gradient, where y was above `least`, and of its product with x - mean.
PCNET_ALSO_AVX2 void add_gradients(const float* __restrict gradient, const float* __restrict x,
                                   std::int64_t rows, std::int64_t channels,
                                   const float* __restrict mean, const float* __restrict scale,
                                   const float* __restrict shift, float least,
                                   float* __restrict sums, float* __restrict products) {
  for (std::int64_t row = 0; row < rows; ++row, x += channels, gradient += channels) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float centred = x[c] - mean[c];
      const float own = centred * scale[c] + shift[c] <= least ? 0 : gradient[c];
      sums[c] += own;
      products[c] += own * centred;
    }
  }
}

/// The gradient of x: scale * gradient + slope * (x - mean) + constant
PCNET_ALSO_AVX2 void apply_gradient(const float* __restrict gradient, const float* __restrict x,
                                    std::int64_t rows, std::int64_t channels,
                                    const float* __restrict mean, const float* __restrict scale,
                                    const float* __restrict shift, float least,
                                    const float* __restrict slope, const float* __restrict constant,
                                    float* __restrict out) {
  for (std::int64_t row = 0; row < rows;
       ++row, x += channels, gradient += channels, out += channels) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float centred = x[c] - mean[c];
      const float own = centred * scale[c] + shift[c] <= least ? 0 : gradient[c];
      out[c] = scale[c] * own + slope[c] * centred + constant[c];
    }
  }
}

PCNET_ALSO_AVX2 void widen(const at::BFloat16* __restrict from, std::int64_t count,
                           float* __restrict to) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<float>(from[i]);
}

PCNET_ALSO_AVX2 void narrow(const float* __restrict from, std::int64_t count,
                            at::BFloat16* __restrict to) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = from[i];
}

// Passes over a tensor -------------------------------------------------------------------------

constexpr float kNoLeast = -std::numeric_limits<float>::infinity();

float least_of(Then then) { return then == Then::kRelu ? 0 : kNoLeast; }

/// A tensor, channels last, as rows of its channels. A pass takes them in chunks, which threads
/// share, and these in blocks that stay in a core's first cache. Both depend on the shape alone,
/// and so do the sums.
class Rows {
 public:
  explicit Rows(const at::Tensor& x)
      : count(x.numel() / x.size(1)),
        channels(x.size(1)),
        chunks(std::clamp<std::int64_t>(x.numel() / kChunk, 1, std::min(kMostChunks, count))),
        block(std::max<std::int64_t>(kBlock / channels, 4)) {}

  /// Calls `work(first, rows, chunk)` for the blocks of each chunk in turn.
  template <class Work>
  void each(Work work) const {
    on_team(chunks, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t chunk = begin; chunk < end; ++chunk) {
        const std::int64_t last = count * (chunk + 1) / chunks;
        for (std::int64_t row = count * chunk / chunks; row < last; row += block) {
          work(row, std::min(block, last - row), chunk);
        }
      }
    });
  }

  /// Two sums for each channel, in double: `add(first, rows, a, b)` adds a block's.
  template <class Add>
  std::vector<double> sums(Add add) const {
    const auto width = static_cast<std::size_t>(2 * channels);
    std::vector<double> parts(static_cast<std::size_t>(chunks) * width);
    each([&](std::int64_t first, std::int64_t rows, std::int64_t chunk) {
      std::vector<float> own(width);
      add(first, rows, own.data(), own.data() + channels);
      double* to = parts.data() + static_cast<std::size_t>(chunk) * width;
      for (std::size_t i = 0; i < width; ++i) to[i] += own[i];
    });
    std::vector<double> all(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(width));
    for (std::size_t i = width; i < parts.size(); ++i) all[i % width] += parts[i];
    return all;
  }

  const std::int64_t count, channels, chunks, block;

 private:
  static constexpr std::int64_t kChunk = 65536;  // numbers
  static constexpr std::int64_t kMostChunks = 64;
  static constexpr std::int64_t kBlock = 4096;
};

/// A block's numbers as floats.
template <class T>
class Floats {
 public:
  Floats(const T* from, std::int64_t count) {
    if constexpr (std::is_same_v<T, float>) {
      data_ = from;
    } else {
      room_ = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(count));
      widen(from, count, room_.get());
      data_ = room_.get();
    }
  }
  operator const float*() const { return data_; }  // NOLINT(google-explicit-constructor)

 private:
  std::unique_ptr<float[]> room_;
  const float* data_;
};

/// Where a block's results go: `write` gets floats to fill.
template <class T, class Write>
void put(T* to, std::int64_t count, Write write) {
  if constexpr (std::is_same_v<T, float>) {
    write(to);
  } else {
    const auto room = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(count));
    write(room.get());
    narrow(room.get(), count, to);
  }
}

template <class Work>
auto for_type(const at::Tensor& x, Work work) {
  return x.scalar_type() == at::kBFloat16 ? work(at::BFloat16()) : work(float());
}

at::Tensor doubles(const std::vector<double>& values, at::IntArrayRef sizes) {
  return torch::tensor(values, at::kDouble).view(sizes);
}

/// The mean of a few rows, from which the moments are taken: what all rows share would cost digits.
template <class T>
std::vector<float> typical_row(const T* x, const Rows& rows) {
  constexpr std::int64_t kFew = 16;
  std::vector<float> mean(static_cast<std::size_t>(rows.channels));
  for (std::int64_t i = 0; i < kFew; ++i) {
    const T* row = x + rows.count * i / kFew * rows.channels;
    for (std::size_t c = 0; c < mean.size(); ++c) mean[c] += static_cast<float>(row[c]) / kFew;
  }
  return mean;
}

template <class T>
Moments moments_of(const at::Tensor& x) {
  const Rows rows(x);
  const T* from = x.const_data_ptr<T>();
  const std::vector<float> near = typical_row(from, rows);
  const auto sums = rows.sums([&](std::int64_t first, std::int64_t count, float* a, float* b) {
    const Floats<T> block(from + first * rows.channels, count * rows.channels);
    add_moments(block, count, rows.channels, near.data(), a, b);
  });
  std::vector<double> mean(near.size());
  std::vector<double> variance(near.size());
  const auto all = static_cast<double>(rows.count);
  for (std::size_t c = 0; c < near.size(); ++c) {
    const double away = sums[c] / all;
    const double square = sums[c + near.size()] / all - away * away;
    mean[c] = near[c] + away;
    variance[c] = square < 0 ? 0 : square;  // a NaN stays
  }
  return {doubles({all}, {}), doubles(mean, {rows.channels}), doubles(variance, {rows.channels})};
}

template <class T>
at::Tensor applied_to(const at::Tensor& x, const at::Tensor& other, const at::Tensor& mean,
                      const at::Tensor& scale, const at::Tensor& shift, Then then) {
  const Rows rows(x);
  at::Tensor y = at::empty_like(x);
  const T* from = x.const_data_ptr<T>();
  const T* added = then == Then::kAddRelu ? other.const_data_ptr<T>() : nullptr;
  T* to = y.mutable_data_ptr<T>();
  const auto* m = mean.const_data_ptr<float>();
  const auto* a = scale.const_data_ptr<float>();
  const auto* b = shift.const_data_ptr<float>();
  rows.each([&](std::int64_t first, std::int64_t count, std::int64_t /*chunk*/) {
    const std::int64_t begin = first * rows.channels;
    const std::int64_t numbers = count * rows.channels;
    const Floats<T> block(from + begin, numbers);
    put(to + begin, numbers, [&](float* out) {
      if (added != nullptr) {
        apply_add(block, Floats<T>(added + begin, numbers), count, rows.channels, m, a, b, out);
      } else {
        apply(block, count, rows.channels, m, a, b, least_of(then), out);
      }
    });
  });
  return y;
}

template <class T>
at::Tensor masked_by(const at::Tensor& gradient, const at::Tensor& y) {
  const Rows rows(y);
  at::Tensor found = at::empty_like(y);
  const T* from = gradient.const_data_ptr<T>();
  const T* value = y.const_data_ptr<T>();
  T* to = found.mutable_data_ptr<T>();
  rows.each([&](std::int64_t first, std::int64_t count, std::int64_t /*chunk*/) {
    const std::int64_t begin = first * rows.channels;
    const std::int64_t numbers = count * rows.channels;
    put(to + begin, numbers, [&](float* out) {
      mask(Floats<T>(from + begin, numbers), Floats<T>(value + begin, numbers), numbers, out);
    });
  });
  return found;
}

template <class T>
at::Tensor sums_of(const at::Tensor& gradient, const at::Tensor& x, const Affine& norm, Then then) {
  const Rows rows(x);
  const T* from = gradient.const_data_ptr<T>();
  const T* value = x.const_data_ptr<T>();
  const auto* m = norm.mean.const_data_ptr<float>();
  const auto* a = norm.scale.const_data_ptr<float>();
  const auto* b = norm.shift.const_data_ptr<float>();
  const auto sums = rows.sums([&](std::int64_t first, std::int64_t count, float* s, float* p) {
    const std::int64_t begin = first * rows.channels;
    const std::int64_t numbers = count * rows.channels;
    add_gradients(Floats<T>(from + begin, numbers), Floats<T>(value + begin, numbers), count,
                  rows.channels, m, a, b, least_of(then), s, p);
  });
  return doubles(sums, {2, rows.channels});
}

template <class T>
at::Tensor gradient_of_x(const at::Tensor& gradient, const at::Tensor& x, const Affine& norm,
                         Then then, const at::Tensor& slope, const at::Tensor& constant) {
  const Rows rows(x);
  at::Tensor found = at::empty_like(x);
  const T* from = gradient.const_data_ptr<T>();
  const T* value = x.const_data_ptr<T>();
  T* to = found.mutable_data_ptr<T>();
  const auto* m = norm.mean.const_data_ptr<float>();
  const auto* a = norm.scale.const_data_ptr<float>();
  const auto* b = norm.shift.const_data_ptr<float>();
  rows.each([&](std::int64_t first, std::int64_t count, std::int64_t /*chunk*/) {
    const std::int64_t begin = first * rows.channels;
    const std::int64_t numbers = count * rows.channels;
    put(to + begin, numbers, [&](float* out) {
      apply_gradient(Floats<T>(from + begin, numbers), Floats<T>(value + begin, numbers), count,
                     rows.channels, m, a, b, least_of(then), slope.const_data_ptr<float>(),
                     constant.const_data_ptr<float>(), out);
    });
  });
  return found;
}

}  // namespace

bool fit(const at::Tensor& x) {
  const bool known = x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16;
  return x.is_cpu() && known && x.dim() == 4 && x.numel() > x.size(1) &&
         x.is_contiguous(at::MemoryFormat::ChannelsLast);
}

Moments moments(const at::Tensor& x) {
  return for_type(x, [&](auto type) { return moments_of<decltype(type)>(x); });
}

at::Tensor applied(const at::Tensor& x, const at::Tensor& other, const Affine& norm, Then then) {
  return for_type(x, [&](auto type) {
    return applied_to<decltype(type)>(x, other, norm.mean, norm.scale, norm.shift, then);
  });
}

at::Tensor masked(const at::Tensor& gradient, const at::Tensor& y) {
  return for_type(y, [&](auto type) { return masked_by<decltype(type)>(gradient, y); });
}

at::Tensor gradient_sums(const at::Tensor& gradient, const at::Tensor& x, const Affine& norm,
                         Then then) {
  return for_type(x, [&](auto type) { return sums_of<decltype(type)>(gradient, x, norm, then); });
}

at::Tensor gradient(const at::Tensor& gradient, const at::Tensor& x, const Affine& norm, Then then,
                    const at::Tensor& slope, const at::Tensor& constant) {
  return for_type(x, [&](auto type) {
    return gradient_of_x<decltype(type)>(gradient, x, norm, then, slope, constant);
  });
}

}  // namespace pcnet::core::norm_passes
