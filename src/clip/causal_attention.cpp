#include "causal_attention.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include <torch/torch.h>

#include "pcnet/core/team.h"
#include "pcnet/core/wide_registers.h"

namespace pcnet::clip {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr const char* kHeads = "heads";

template <class T>
PCNET_INLINE T lanes_dot(const T* __restrict a, const T* __restrict b, std::int64_t count) {
  constexpr std::int64_t kLanes = 16;
  std::array<T, kLanes> sums{};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t k = 0; k < kLanes; ++k) {
      sums[static_cast<std::size_t>(k)] += a[i + k] * b[i + k];
    }
  }
  T rest = 0;
  for (; i < count; ++i) rest += a[i] * b[i];
  for (const T sum : sums) rest += sum;
  return rest;
}

PCNET_ALSO_AVX2 float dot(const float* a, const float* b, std::int64_t count) {
  return lanes_dot(a, b, count);
}

double dot(const double* a, const double* b, std::int64_t count) { return lanes_dot(a, b, count); }

PCNET_ALSO_AVX2 void add_scaled(const float* __restrict from, float factor, std::int64_t count,
                                float* __restrict to) {
  for (std::int64_t i = 0; i < count; ++i) to[i] += factor * from[i];
}

void add_scaled(const double* from, double factor, std::int64_t count, double* to) {
  for (std::int64_t i = 0; i < count; ++i) to[i] += factor * from[i];
}

using Rows = std::span<const std::int64_t>;

Rows rows_of(const at::Tensor& rows) {
  return {rows.const_data_ptr<std::int64_t>(), static_cast<std::size_t>(rows.numel())};
}

/// The rows that each looking one sees, from its text's first to itself.
class Seen {
 public:
  Seen(Rows before, const at::Tensor& looking) {
    const std::size_t count =
        looking.defined() ? static_cast<std::size_t>(looking.numel()) : before.size();
    starts_.reserve(count + 1);
    rows_.reserve(4 * count);
    for (std::size_t i = 0; i < count; ++i) {
      starts_.push_back(rows_.size());
      std::int64_t row = looking.defined() ? rows_of(looking)[i] : static_cast<std::int64_t>(i);
      for (; row >= 0; row = before[static_cast<std::size_t>(row)]) rows_.push_back(row);
      std::reverse(rows_.begin() + static_cast<std::ptrdiff_t>(starts_.back()), rows_.end());
      longest_ = std::max(longest_, rows_.size() - starts_.back());
    }
    starts_.push_back(rows_.size());
  }
  /// The last one looks.
  Rows of(std::int64_t looking) const {
    const auto i = static_cast<std::size_t>(looking);
    return Rows(rows_).subspan(starts_[i], starts_[i + 1] - starts_[i]);
  }
  std::int64_t size() const { return static_cast<std::int64_t>(starts_.size()) - 1; }
  std::size_t longest() const { return longest_; }
  std::size_t in_all() const { return rows_.size(); }

 private:
  std::vector<std::int64_t> rows_;
  std::vector<std::size_t> starts_;
  std::size_t longest_ = 0;
};

/// A head's numbers in [R, 3 width].
template <class T>
struct Head {
  T* first = nullptr;
  std::int64_t whole = 0;  // the width of all heads
  std::int64_t width = 0;  // of this one
  T* query(std::int64_t row) const { return first + row * 3 * whole; }
  T* key(std::int64_t row) const { return query(row) + whole; }
  T* value(std::int64_t row) const { return query(row) + 2 * whole; }
};

/// By how much the last of the rows sees each.
template <class T>
void weigh(const Head<const T>& head, Rows rows, T* weights) {
  const T scale = 1 / std::sqrt(static_cast<T>(head.width));
  T highest = -std::numeric_limits<T>::infinity();
  for (std::size_t j = 0; j < rows.size(); ++j) {
    weights[j] = scale * dot(head.query(rows.back()), head.key(rows[j]), head.width);
    highest = std::max(highest, weights[j]);
  }
  T sum = 0;
  for (std::size_t j = 0; j < rows.size(); ++j) sum += weights[j] = std::exp(weights[j] - highest);
  for (std::size_t j = 0; j < rows.size(); ++j) weights[j] /= sum;
}

/// Calls work(begin, end) for parts of [0, count), here where waking other threads took longer.
void on_some(const Seen& seen, std::int64_t count,
             const std::function<void(std::int64_t, std::int64_t)>& work) {
  constexpr std::size_t kFew = 1024;
  if (seen.in_all() <= kFew) {
    work(0, count);
  } else {
    core::on_team(count, work);
  }
}

template <class T>
at::Tensor attended(const at::Tensor& in, const Seen& seen, std::int64_t heads) {
  const std::int64_t whole = in.size(1) / 3;
  const std::int64_t width = whole / heads;
  at::Tensor out = at::zeros({seen.size(), whole}, in.options());
  const auto* from = in.const_data_ptr<T>();
  auto* to = out.mutable_data_ptr<T>();
  on_some(seen, seen.size(), [&](std::int64_t begin, std::int64_t end) {
    std::vector<T> weights(seen.longest());
    for (std::int64_t i = begin; i < end; ++i) {
      const Rows rows = seen.of(i);
      for (std::int64_t h = 0; h < heads; ++h) {
        const Head<const T> head{from + h * width, whole, width};
        weigh(head, rows, weights.data());
        for (std::size_t j = 0; j < rows.size(); ++j) {
          add_scaled(head.value(rows[j]), weights[j], width, to + i * whole + h * width);
        }
      }
    }
  });
  return out;
}

/// The gradient of attended() by `in`, from that by its result. A thread has heads of its own, as
/// rows that look share those that they see.
template <class T>
at::Tensor attended_backward(const at::Tensor& gradient, const at::Tensor& in, const Seen& seen,
                             std::int64_t heads) {
  const std::int64_t whole = in.size(1) / 3;
  const std::int64_t width = whole / heads;
  at::Tensor out = at::zeros_like(in);
  const auto* from = in.const_data_ptr<T>();
  const auto* by_result = gradient.const_data_ptr<T>();
  auto* to = out.mutable_data_ptr<T>();
  on_some(seen, heads, [&](std::int64_t begin, std::int64_t end) {
    std::vector<T> weights(seen.longest());
    std::vector<T> slopes(seen.longest());
    for (std::int64_t h = begin; h < end; ++h) {
      const Head<const T> head{from + h * width, whole, width};
      const Head<T> by{to + h * width, whole, width};
      const T scale = 1 / std::sqrt(static_cast<T>(width));
      for (std::int64_t i = 0; i < seen.size(); ++i) {
        const Rows rows = seen.of(i);
        const T* by_seen = by_result + i * whole + h * width;
        weigh(head, rows, weights.data());
        T mean = 0;
        for (std::size_t j = 0; j < rows.size(); ++j) {
          slopes[j] = dot(by_seen, head.value(rows[j]), width);
          mean += weights[j] * slopes[j];
        }
        for (std::size_t j = 0; j < rows.size(); ++j) {
          const T slope = scale * weights[j] * (slopes[j] - mean);
          add_scaled(by_seen, weights[j], width, by.value(rows[j]));
          add_scaled(head.key(rows[j]), slope, width, by.query(rows.back()));
          add_scaled(head.query(rows.back()), slope, width, by.key(rows[j]));
        }
      }
    }
  });
  return out;
}

struct CausalAttention : torch::autograd::Function<CausalAttention> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& in,
                            const at::Tensor& before, const std::optional<at::Tensor>& looking,
                            std::int64_t heads) {
    context->save_for_backward({in, before, looking.value_or(at::Tensor())});
    context->saved_data[kHeads] = heads;
    const Seen seen(rows_of(before), looking.value_or(at::Tensor()));
    return in.scalar_type() == at::kDouble ? attended<double>(in, seen, heads)
                                           : attended<float>(in, seen, heads);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& in = saved[0];
    const Seen seen(rows_of(saved[1]), saved[2]);
    const std::int64_t heads = context->saved_data[kHeads].toInt();
    const at::Tensor gradient = gradients.at(0).contiguous();
    return {in.scalar_type() == at::kDouble ? attended_backward<double>(gradient, in, seen, heads)
                                            : attended_backward<float>(gradient, in, seen, heads),
            {},
            {},
            {}};
  }
};

}  // namespace

at::Tensor causal_attention(const at::Tensor& query_key_value, const at::Tensor& before,
                            const at::Tensor& looking, std::int64_t heads) {
  const at::ScalarType type = query_key_value.scalar_type();
  const at::Tensor in =
      query_key_value.to(type == at::kDouble ? at::kDouble : at::kFloat).contiguous();
  const auto rows = looking.defined() ? std::optional(looking) : std::nullopt;
  return CausalAttention::apply(in, before, rows, heads).to(type);
}

}  // namespace pcnet::clip
