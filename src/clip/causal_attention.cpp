#include "causal_attention.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <ATen/ops/empty.h>

#include "pcnet/core/team.h"
#include "pcnet/core/wide_registers.h"

namespace pcnet::clip {

namespace {

/// Of a head in a text: rows of `stride` numbers, of which the head has `width`.
struct Head {
  const float* query;
  const float* keys;
  const float* values;
  std::int64_t stride;
  std::int64_t width;
};

constexpr std::int64_t kLanes = 16;

PCNET_ALSO_AVX2 float dot(const float* __restrict a, const float* __restrict b,
                          std::int64_t count) {
  std::array<float, kLanes> sums{};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t k = 0; k < kLanes; ++k) {
      sums[static_cast<std::size_t>(k)] += a[i + k] * b[i + k];
    }
  }
  float rest = 0;
  for (; i < count; ++i) rest += a[i] * b[i];
  for (const float sum : sums) rest += sum;
  return rest;
}

PCNET_ALSO_AVX2 void add_scaled(const float* __restrict from, float factor, std::int64_t count,
                                float* __restrict to) {
  for (std::int64_t i = 0; i < count; ++i) to[i] += factor * from[i];
}

/// What token `at` of the text sees; `weights` is room for as many as it looks at.
void look(const Head& head, std::int64_t at, float* weights, float* seen) {
  const float* query = head.query + at * head.stride;
  const float scale = 1 / std::sqrt(static_cast<float>(head.width));
  float highest = -INFINITY;
  for (std::int64_t j = 0; j <= at; ++j) {
    weights[j] = scale * dot(query, head.keys + j * head.stride, head.width);
    highest = std::max(highest, weights[j]);
  }
  float sum = 0;
  for (std::int64_t j = 0; j <= at; ++j) sum += weights[j] = std::exp(weights[j] - highest);
  std::fill_n(seen, head.width, 0.0F);
  for (std::int64_t j = 0; j <= at; ++j) {
    add_scaled(head.values + j * head.stride, weights[j] / sum, head.width, seen);
  }
}

}  // namespace

at::Tensor causal_attention(const at::Tensor& query_key_value,
                            const std::vector<EqualTexts>& groups, std::int64_t heads) {
  struct Text {
    std::int64_t first, length;
  };
  std::vector<Text> texts;
  std::int64_t rows = 0;
  for (const auto& group : groups) {
    for (std::int64_t i = 0; i < group.count; ++i, rows += group.length) {
      texts.push_back({rows, group.length});
    }
  }
  const at::Tensor in = query_key_value.contiguous();
  const std::int64_t width = in.size(1) / 3;
  at::Tensor out = at::empty({rows, width}, in.options());
  const auto* from = in.const_data_ptr<float>();
  auto* to = out.mutable_data_ptr<float>();
  const auto some = [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> weights;
    for (std::int64_t t = begin; t < end; ++t) {
      const Text& text = texts[static_cast<std::size_t>(t)];
      weights.resize(static_cast<std::size_t>(text.length));
      for (std::int64_t h = 0; h < heads; ++h) {
        const float* query = from + text.first * 3 * width + h * (width / heads);
        const Head head{query, query + width, query + 2 * width, 3 * width, width / heads};
        for (std::int64_t at = 0; at < text.length; ++at) {
          look(head, at, weights.data(), to + (text.first + at) * width + h * head.width);
        }
      }
    }
  };
  // Waking other threads takes longer than a few tokens do.
  constexpr std::int64_t kFew = 128;
  const auto count = static_cast<std::int64_t>(texts.size());
  if (rows <= kFew) {
    some(0, count);
  } else {
    core::on_team(count, some);
  }
  return out;
}

}  // namespace pcnet::clip
