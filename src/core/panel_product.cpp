#include "panel_product.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <ATen/Version.h>
#include <torch/types.h>

#include "pcnet/core/profile.h"
#include "pcnet/core/team.h"
#include "pcnet/core/wide_registers.h"

namespace pcnet::core {

#if defined(__x86_64__) && defined(__gnu_linux__)

namespace {

/// The rows of x whose sums stay in registers together: with four panels' registers of AVX-512, or
/// two of AVX2, and what is multiplied, all of them.
constexpr int kRows = 6;

struct Shape {
  std::int64_t rows, in, out;
};

template <int kWidth>
struct Register {
  typedef float Held __attribute__((vector_size(4 * kWidth)));
  typedef float InMemory __attribute__((vector_size(4 * kWidth), aligned(4), may_alias));
};

/// A panel of kCount registers times kTogether rows of x.
template <int kWidth, int kCount, int kTogether>
PCNET_INLINE void multiply_rows(const float* x, const float* panel, const float* bias,
                                const Shape& shape, float* y) {
  using Held = typename Register<kWidth>::Held;
  using InMemory = typename Register<kWidth>::InMemory;
  const auto* first = reinterpret_cast<const InMemory*>(bias);
  Held sums[kTogether][kCount];
#pragma GCC unroll 8
  for (int r = 0; r < kTogether; ++r) {
#pragma GCC unroll 8
    for (int i = 0; i < kCount; ++i) sums[r][i] = first[i];
  }
  for (std::int64_t k = 0; k < shape.in; ++k, panel += kCount * kWidth) {
    const auto* column = reinterpret_cast<const InMemory*>(panel);
    Held weights[kCount];
#pragma GCC unroll 8
    for (int i = 0; i < kCount; ++i) weights[i] = column[i];
#pragma GCC unroll 8
    for (int r = 0; r < kTogether; ++r) {
      const float one = x[r * shape.in + k];
#pragma GCC unroll 8
      for (int i = 0; i < kCount; ++i) sums[r][i] += one * weights[i];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kTogether; ++r) {
    auto* out = reinterpret_cast<InMemory*>(y + r * shape.out);
#pragma GCC unroll 8
    for (int i = 0; i < kCount; ++i) out[i] = sums[r][i];
  }
}

/// The same for 1 to kMost rows.
template <int kWidth, int kCount, int kMost = kRows>
PCNET_INLINE void multiply_some(std::int64_t rows, const float* x, const float* panel,
                                const float* bias, const Shape& shape, float* y) {
  if constexpr (kMost > 1) {
    if (rows < kMost) {
      return multiply_some<kWidth, kCount, kMost - 1>(rows, x, panel, bias, shape, y);
    }
  }
  multiply_rows<kWidth, kCount, kMost>(x, panel, bias, shape, y);
}

/// A panel times all rows of x, in groups of nearly equal size.
template <int kWidth, int kCount>
PCNET_INLINE void multiply(const float* x, const float* panel, const float* bias,
                           const Shape& shape, float* y) {
  const std::int64_t groups = (shape.rows + kRows - 1) / kRows;
  for (std::int64_t group = 0; group < groups; ++group) {
    const std::int64_t row = shape.rows * group / groups;
    multiply_some<kWidth, kCount>(shape.rows * (group + 1) / groups - row, x + row * shape.in,
                                  panel, bias, shape, y + row * shape.out);
  }
}

__attribute__((target("avx512f,fma"))) void multiply_avx512(const float* x, const float* panel,
                                                            const float* bias, const Shape& shape,
                                                            float* y) {
  multiply<16, 4>(x, panel, bias, shape, y);
}

__attribute__((target("avx2,fma"))) void multiply_avx2(const float* x, const float* panel,
                                                       const float* bias, const Shape& shape,
                                                       float* y) {
  multiply<8, 2>(x, panel, bias, shape, y);
}

/// Of the processor, and not ruled out by ATEN_CPU_CAPABILITY.
bool has_avx512() {
  static const bool found = at::get_cpu_capability().starts_with("AVX512");
  return found;
}

/// Outputs of a panel.
std::int64_t panel_width() { return has_avx512() ? 64 : 16; }

/// Which the last panel has too many.
std::int64_t missing_outputs(const at::Tensor& weight) {
  const std::int64_t width = panel_width();
  return (width - weight.size(0) % width) % width;
}

struct Product {
  const float* x;
  const float* panels;
  const float* bias;
  float* y;
  Shape shape;
  std::int64_t width;  // of a panel

  /// A panel's outputs of some rows.
  void compute(std::int64_t panel, std::int64_t row, std::int64_t rows) const {
    const auto multiply_panel = has_avx512() ? multiply_avx512 : multiply_avx2;
    const std::int64_t column = panel * width;
    const float* from = x + row * shape.in;
    const float* weights = panels + column * shape.in;
    float* to = y + row * shape.out + column;
    const std::int64_t columns = std::min(width, shape.out - column);
    if (columns == width) {
      return multiply_panel(from, weights, bias + column, {rows, shape.in, shape.out}, to);
    }
    // The last one, of which not all outputs are there.
    std::vector<float> all(static_cast<std::size_t>(rows * width));
    multiply_panel(from, weights, bias + column, {rows, shape.in, width}, all.data());
    for (std::int64_t r = 0; r < rows; ++r) {
      std::copy_n(all.data() + r * width, columns, to + r * shape.out);
    }
  }
};

}  // namespace

bool has_panel_product() {
  static const bool found = (has_avx512() || at::get_cpu_capability() == "AVX2") &&
                            __builtin_cpu_supports("avx2") > 0 && __builtin_cpu_supports("fma") > 0;
  return found;
}

at::Tensor panels_of(const at::Tensor& weight) {
  const std::int64_t width = panel_width();
  const at::Tensor whole = at::constant_pad_nd(weight, {0, 0, 0, missing_outputs(weight)});
  return whole.view({-1, width, weight.size(1)}).transpose(1, 2).contiguous();
}

at::Tensor padded_for(const at::Tensor& weight, const at::Tensor& bias) {
  return at::constant_pad_nd(bias, {0, missing_outputs(weight)});
}

at::Tensor panel_product(const at::Tensor& x, const at::Tensor& panels, const at::Tensor& bias,
                         std::int64_t out) {
  const at::Tensor in = x.contiguous();
  at::Tensor y = at::empty({in.size(0), out}, in.options());
  count_operations(2.0 * static_cast<double>(in.numel()) * static_cast<double>(out));
  const Product whole{in.const_data_ptr<float>(),    panels.const_data_ptr<float>(),
                      bias.const_data_ptr<float>(),  y.mutable_data_ptr<float>(),
                      {in.size(0), in.size(1), out}, panels.size(2)};
  // Of many rows some at a time, so that there is work for more threads than panels.
  constexpr std::int64_t kRowsTogether = 96;
  const std::int64_t parts = (in.size(0) + kRowsTogether - 1) / kRowsTogether;
  on_team(panels.size(0) * parts, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t row = i % parts * kRowsTogether;
      whole.compute(i / parts, row, std::min(kRowsTogether, in.size(0) - row));
    }
  });
  return y;
}

#else

bool has_panel_product() { return false; }
at::Tensor panels_of(const at::Tensor& weight) { return weight; }
at::Tensor padded_for(const at::Tensor& /*weight*/, const at::Tensor& bias) { return bias; }
at::Tensor panel_product(const at::Tensor& x, const at::Tensor& panels, const at::Tensor& bias,
                         std::int64_t /*out*/) {
  return at::linear(x, panels, bias);
}

#endif

}  // namespace pcnet::core
