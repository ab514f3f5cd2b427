#include "map_passes.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <torch/torch.h>

#include "pcnet/core/team.h"
#include "pcnet/core/wide_registers.h"

namespace pcnet::losses::map_passes {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t kLanes = 16;

/// exp of a number that is not above 0, by 2^n times the series of what is left, below log(2) / 2:
/// a loop of it needs no calls. Below -87 it is 0.
PCNET_INLINE float exp_below(float x) {
  constexpr float kLeast = -87;
  constexpr float kPerOctave = 1.44269504F;      // 1 / log(2)
  constexpr float kOctave = 0.693145752F;        // log(2), of which few digits are set,
  constexpr float kOctaveRest = 1.42860682e-6F;  // and the rest
  constexpr float kWhole = 12582912;             // added, a number's last digit is a whole one
  const float in = x < kLeast ? kLeast : x;
  const float shifted = in * kPerOctave + kWhole;
  const float octaves = shifted - kWhole;
  const float r = (in - octaves * kOctave) - octaves * kOctaveRest;
  float sum = 1.0F / 5040;  // r^7 / 7!
  for (const float factor : {1.0F / 720, 1.0F / 120, 1.0F / 24, 1.0F / 6, 0.5F, 1.0F, 1.0F}) {
    sum = sum * r + factor;
  }
  constexpr std::uint32_t kExponentBits = 23;
  constexpr std::uint32_t kOne = 127U << kExponentBits;
  const float power =
      std::bit_cast<float>((std::bit_cast<std::uint32_t>(shifted) << kExponentBits) + kOne);
  return x < kLeast ? 0 : sum * power;
}

inline double exp_below(double x) { return std::exp(x); }

template <class T>
PCNET_INLINE T greater(T a, T b) {
  return b > a || b != b ? b : a;  // what is not a number stays
}

template <class T>
struct Row {
  T sum = 0;
  T maximum = -std::numeric_limits<T>::infinity();
};

template <class T>
PCNET_INLINE Row<T> row_of(const T* x, std::int64_t cells) {
  std::array<T, kLanes> sums{};
  std::array<T, kLanes> most;
  most.fill(-std::numeric_limits<T>::infinity());
  std::int64_t p = 0;
  for (; p + kLanes <= cells; p += kLanes) {
    for (std::size_t k = 0; k < kLanes; ++k) {
      const T value = x[p + static_cast<std::int64_t>(k)];
      sums[k] += value;
      most[k] = greater(most[k], value);
    }
  }
  Row<T> row;
  for (; p < cells; ++p) {
    row.sum += x[p];
    row.maximum = greater(row.maximum, x[p]);
  }
  for (std::size_t k = 0; k < kLanes; ++k) {
    row.sum += sums[k];
    row.maximum = greater(row.maximum, most[k]);
  }
  return row;
}

/// The maps of one image's texts: map m begins at x + m * step.
template <class T>
struct Maps {
  const T* x;
  std::int64_t step, texts, cells;
  const T* map(std::int64_t m) const { return x + m * step; }
};

/// Of an image's maps: results, or the gradients by them, [M], and the softmax [M, P].
template <class T>
struct Found {
  T *mean, *maximum, *share, *softmax;
};

template <class T>
PCNET_INLINE void pool(const Maps<T>& maps, const Found<T>& found, T* __restrict top,
                       T* __restrict sums) {
  const std::int64_t cells = maps.cells;
  std::fill_n(top, cells, T(1));
  for (std::int64_t m = 0; m < maps.texts; ++m) {
    const T* __restrict x = maps.map(m);
    for (std::int64_t p = 0; p < cells; ++p) top[p] = greater(top[p], x[p]);
  }
  for (std::int64_t p = 0; p < cells; ++p) sums[p] = exp_below(T(1) - top[p]);
  for (std::int64_t m = 0; m < maps.texts; ++m) {
    const T* __restrict x = maps.map(m);
    T* __restrict softmax = found.softmax + m * cells;
    for (std::int64_t p = 0; p < cells; ++p) {
      softmax[p] = exp_below(x[p] - top[p]);
      sums[p] += softmax[p];
    }
  }
  for (std::int64_t p = 0; p < cells; ++p) sums[p] = 1 / sums[p];
  for (std::int64_t m = 0; m < maps.texts; ++m) {
    T* __restrict softmax = found.softmax + m * cells;
    for (std::int64_t p = 0; p < cells; ++p) softmax[p] *= sums[p];
    const auto row = row_of(maps.map(m), cells);
    const auto count = static_cast<T>(cells);
    found.mean[m] = row.sum / count;
    found.maximum[m] = row.maximum;
    found.share[m] = row_of(softmax, cells).sum / count;
  }
}

/// The gradient by the maps [M, P] from those by mean, maximum and share, beside the softmax
/// itself.
template <class T>
PCNET_INLINE void pool_backward(const Maps<T>& maps, const Found<const T>& by, const T* maximum,
                                T* __restrict together, T* gradient) {
  const std::int64_t cells = maps.cells;
  const T each = T(1) / static_cast<T>(cells);
  std::fill_n(together, cells, T(0));
  for (std::int64_t m = 0; m < maps.texts; ++m) {
    const T* __restrict softmax = by.softmax + m * cells;
    const T share = by.share[m] * each;
    for (std::int64_t p = 0; p < cells; ++p) together[p] += share * softmax[p];
  }
  for (std::int64_t m = 0; m < maps.texts; ++m) {
    const T* __restrict x = maps.map(m);
    const T* __restrict softmax = by.softmax + m * cells;
    T* __restrict out = gradient + m * cells;
    const T most = maximum[m];
    std::int64_t at_most = 0;
    for (std::int64_t p = 0; p < cells; ++p) at_most += x[p] == most ? 1 : 0;
    const T at_maximum = by.maximum[m] / static_cast<T>(std::max<std::int64_t>(at_most, 1));
    const T share = by.share[m] * each;
    const T mean = by.mean[m] * each;
    for (std::int64_t p = 0; p < cells; ++p) {
      out[p] = softmax[p] * (share - together[p]) + mean + (x[p] == most ? at_maximum : T(0));
    }
  }
}

template <class T>
PCNET_INLINE T log_sum(const T* x, std::int64_t cells) {
  const T most = row_of(x, cells).maximum;
  std::array<T, kLanes> sums{};
  std::int64_t p = 0;
  for (; p + kLanes <= cells; p += kLanes) {
    for (std::size_t k = 0; k < kLanes; ++k) {
      sums[k] += exp_below(x[p + static_cast<std::int64_t>(k)] - most);
    }
  }
  T sum = 0;
  for (; p < cells; ++p) sum += exp_below(x[p] - most);
  for (const T lane : sums) sum += lane;
  return most + std::log(sum);
}

template <class T>
PCNET_INLINE void log_sum_backward(const T* __restrict x, T log_sum, T by, std::int64_t cells,
                                   T* __restrict gradient) {
  for (std::int64_t p = 0; p < cells; ++p) gradient[p] = by * exp_below(x[p] - log_sum);
}

// In float once more for wider registers; everything above becomes a part of these.

PCNET_ALSO_AVX2 void run_pool(const Maps<float>& maps, const Found<float>& found, float* top,
                              float* sums) {
  pool(maps, found, top, sums);
}
void run_pool(const Maps<double>& maps, const Found<double>& found, double* top, double* sums) {
  pool(maps, found, top, sums);
}
PCNET_ALSO_AVX2 void run_pool_backward(const Maps<float>& maps, const Found<const float>& by,
                                       const float* maximum, float* together, float* gradient) {
  pool_backward(maps, by, maximum, together, gradient);
}
void run_pool_backward(const Maps<double>& maps, const Found<const double>& by,
                       const double* maximum, double* together, double* gradient) {
  pool_backward(maps, by, maximum, together, gradient);
}
PCNET_ALSO_AVX2 float run_log_sum(const float* x, std::int64_t cells) { return log_sum(x, cells); }
double run_log_sum(const double* x, std::int64_t cells) { return log_sum(x, cells); }
PCNET_ALSO_AVX2 void run_log_sum_backward(const float* x, float log_sum, float by,
                                          std::int64_t cells, float* gradient) {
  log_sum_backward(x, log_sum, by, cells, gradient);
}
void run_log_sum_backward(const double* x, double log_sum, double by, std::int64_t cells,
                          double* gradient) {
  log_sum_backward(x, log_sum, by, cells, gradient);
}

/// Calls work(b, maps of image b) for each of them.
template <class T, class Work>
void each_image(const at::Tensor& cells, const Work& work) {
  const auto* x = cells.const_data_ptr<T>();
  core::on_team(cells.size(0), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      work(b, Maps<T>{x + b * cells.stride(0), cells.stride(1), cells.size(1), cells.size(2)});
    }
  });
}

/// -> mean, maximum, share [B, M], the softmax [B, M, P]
template <class T>
variable_list pooled(const at::Tensor& cells) {
  variable_list found;
  for (int i = 0; i < 3; ++i) {
    found.push_back(at::empty({cells.size(0), cells.size(1)}, cells.options()));
  }
  found.push_back(at::empty(cells.sizes(), cells.options()));
  std::array<T*, 4> to{};
  for (std::size_t i = 0; i < to.size(); ++i) to[i] = found[i].mutable_data_ptr<T>();
  each_image<T>(cells, [&](std::int64_t b, const Maps<T>& maps) {
    std::vector<T> top(static_cast<std::size_t>(maps.cells));
    std::vector<T> sums(top.size());
    const std::int64_t first = b * maps.texts;
    run_pool(maps, {to[0] + first, to[1] + first, to[2] + first, to[3] + first * maps.cells},
             top.data(), sums.data());
  });
  return found;
}

template <class T>
at::Tensor pooled_backward(const at::Tensor& cells, const at::Tensor& softmax,
                           const at::Tensor& maximum, const variable_list& gradients) {
  at::Tensor out = at::empty(cells.sizes(), cells.options());
  auto* to = out.mutable_data_ptr<T>();
  std::array<const T*, 4> by{};
  for (std::size_t i = 0; i < 3; ++i) by[i] = gradients[i].const_data_ptr<T>();
  by[3] = softmax.const_data_ptr<T>();
  const auto* most = maximum.const_data_ptr<T>();
  each_image<T>(cells, [&](std::int64_t b, const Maps<T>& maps) {
    std::vector<T> together(static_cast<std::size_t>(maps.cells));
    const std::int64_t first = b * maps.texts;
    run_pool_backward(maps,
                      {by[0] + first, by[1] + first, by[2] + first, by[3] + first * maps.cells},
                      most + first, together.data(), to + first * maps.cells);
  });
  return out;
}

template <class T>
at::Tensor log_sums(const at::Tensor& cells) {
  at::Tensor out = at::empty({cells.size(0), cells.size(1)}, cells.options());
  auto* to = out.mutable_data_ptr<T>();
  each_image<T>(cells, [&](std::int64_t b, const Maps<T>& maps) {
    for (std::int64_t m = 0; m < maps.texts; ++m) {
      to[b * maps.texts + m] = run_log_sum(maps.map(m), maps.cells);
    }
  });
  return out;
}

template <class T>
at::Tensor log_sums_backward(const at::Tensor& cells, const at::Tensor& sums,
                             const at::Tensor& gradient) {
  at::Tensor out = at::empty(cells.sizes(), cells.options());
  auto* to = out.mutable_data_ptr<T>();
  const auto* sum = sums.const_data_ptr<T>();
  const auto* by = gradient.const_data_ptr<T>();
  each_image<T>(cells, [&](std::int64_t b, const Maps<T>& maps) {
    for (std::int64_t m = 0; m < maps.texts; ++m) {
      const std::int64_t row = b * maps.texts + m;
      run_log_sum_backward(maps.map(m), sum[row], by[row], maps.cells, to + row * maps.cells);
    }
  });
  return out;
}

bool is_double(const at::Tensor& x) { return x.scalar_type() == at::kDouble; }

struct Pooled : torch::autograd::Function<Pooled> {
  static variable_list forward(AutogradContext* context, const at::Tensor& cells) {
    variable_list found = is_double(cells) ? pooled<double>(cells) : pooled<float>(cells);
    context->save_for_backward({cells, found[3], found[1]});
    found.pop_back();
    return found;
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    for (auto& gradient : gradients) gradient = gradient.contiguous();
    return {is_double(saved[0]) ? pooled_backward<double>(saved[0], saved[1], saved[2], gradients)
                                : pooled_backward<float>(saved[0], saved[1], saved[2], gradients)};
  }
};

struct LogSumExp : torch::autograd::Function<LogSumExp> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& cells) {
    at::Tensor sums = is_double(cells) ? log_sums<double>(cells) : log_sums<float>(cells);
    context->save_for_backward({cells, sums});
    return sums;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor gradient = gradients.at(0).contiguous();
    return {is_double(saved[0]) ? log_sums_backward<double>(saved[0], saved[1], gradient)
                                : log_sums_backward<float>(saved[0], saved[1], gradient)};
  }
};

}  // namespace

bool fit(const at::Tensor& cells) {
  return cells.is_cpu() && cells.numel() > 0 && cells.stride(2) == 1 &&
         (cells.scalar_type() == at::kFloat || is_double(cells));
}

Pools pools(const at::Tensor& cells) {
  const variable_list found = Pooled::apply(cells);
  return {found[0], found[1], found[2]};
}

at::Tensor log_sum_exp(const at::Tensor& cells) { return LogSumExp::apply(cells); }

}  // namespace pcnet::losses::map_passes
