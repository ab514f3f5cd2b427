#include "support/naive.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <torch/types.h>

namespace pcnet::support::naive {

namespace {

using Row = std::vector<double>;

at::Tensor as_double(const at::Tensor& x) { return x.detach().to(torch::kDouble).contiguous(); }

/// weight [out, in] and bias [out] applied to a row.
Row linear(const Row& x, const at::Tensor& weight, const at::Tensor& bias) {
  const at::Tensor w = as_double(weight);
  const at::Tensor b = as_double(bias);
  const auto weights = w.accessor<double, 2>();
  const auto biases = b.accessor<double, 1>();
  Row out(static_cast<std::size_t>(w.size(0)));
  for (std::int64_t o = 0; o < w.size(0); ++o) {
    double sum = biases[o];
    for (std::int64_t i = 0; i < w.size(1); ++i)
      sum += weights[o][i] * x[static_cast<std::size_t>(i)];
    out[static_cast<std::size_t>(o)] = sum;
  }
  return out;
}

Row layer_norm(const Row& x, const at::Tensor& weight, const at::Tensor& bias) {
  const auto size = static_cast<double>(x.size());
  double mean = 0;
  for (const double v : x) mean += v / size;
  double variance = 0;
  for (const double v : x) variance += (v - mean) * (v - mean) / size;
  const at::Tensor w = as_double(weight);
  const at::Tensor b = as_double(bias);
  Row out(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    out[i] = (x[i] - mean) / std::sqrt(variance + 1e-5) * w.accessor<double, 1>()[at] +
             b.accessor<double, 1>()[at];
  }
  return out;
}

/// One query against the first `seen` keys, head by head.
Row attend(const Row& query, const std::vector<Row>& keys, const std::vector<Row>& values,
           std::size_t seen, std::size_t heads) {
  const std::size_t width = query.size() / heads;
  Row out(query.size(), 0.0);
  for (std::size_t head = 0; head < heads; ++head) {
    Row share(seen);
    double total = 0;
    for (std::size_t k = 0; k < seen; ++k) {
      double dot = 0;
      for (std::size_t c = head * width; c < (head + 1) * width; ++c) dot += query[c] * keys[k][c];
      share[k] = std::exp(dot / std::sqrt(static_cast<double>(width)));
      total += share[k];
    }
    for (std::size_t k = 0; k < seen; ++k) {
      for (std::size_t c = head * width; c < (head + 1) * width; ++c) {
        out[c] += share[k] / total * values[k][c];
      }
    }
  }
  return out;
}

Row add(const Row& a, const Row& b) {
  Row sum(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) sum[i] = a[i] + b[i];
  return sum;
}

std::vector<Row> rows_of(const at::Tensor& matrix) {
  const at::Tensor values = as_double(matrix);
  std::vector<Row> rows;
  for (std::int64_t r = 0; r < values.size(0); ++r) {
    const double* from = values.const_data_ptr<double>() + r * values.size(1);
    rows.emplace_back(from, from + values.size(1));
  }
  return rows;
}

at::Tensor to_matrix(const std::vector<Row>& rows) {
  std::vector<at::Tensor> tensors;
  for (const Row& row : rows) tensors.push_back(torch::tensor(row, torch::kDouble));
  return at::stack(tensors);
}

}  // namespace

at::Tensor all_pairs(const at::Tensor& visual, const at::Tensor& text) {
  const at::Tensor v = as_double(visual);
  const at::Tensor t = as_double(text);
  at::Tensor out = torch::zeros({v.size(0), t.size(0), v.size(2), v.size(3)}, torch::kDouble);
  const auto image = v.accessor<double, 4>();
  const auto words = t.accessor<double, 2>();
  auto dots = out.accessor<double, 4>();
  for (std::int64_t b = 0; b < v.size(0); ++b) {
    for (std::int64_t m = 0; m < t.size(0); ++m) {
      for (std::int64_t y = 0; y < v.size(2); ++y) {
        for (std::int64_t x = 0; x < v.size(3); ++x) {
          for (std::int64_t c = 0; c < v.size(1); ++c) {
            dots[b][m][y][x] += image[b][c][y][x] * words[m][c];
          }
        }
      }
    }
  }
  return out;
}

at::Tensor bilinear(const at::Tensor& map, std::int64_t height, std::int64_t width,
                    bool align_corners) {
  const at::Tensor m = as_double(map);
  const auto from = m.accessor<double, 2>();
  at::Tensor out = torch::zeros({height, width}, torch::kDouble);
  auto to = out.accessor<double, 2>();
  // Where pixel i of n lies among `cells` cells, counted from the centre of the first cell.
  const auto place = [&](std::int64_t i, std::int64_t n, std::int64_t cells) {
    const auto at = static_cast<double>(i);
    const auto last = static_cast<double>(cells - 1);
    if (align_corners) return n > 1 ? at * last / static_cast<double>(n - 1) : 0.0;
    const double centre = (at + 0.5) * static_cast<double>(cells) / static_cast<double>(n) - 0.5;
    return std::clamp(centre, 0.0, last);
  };
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const double row = place(y, height, m.size(0));
      const double column = place(x, width, m.size(1));
      for (std::int64_t cy = 0; cy < m.size(0); ++cy) {
        for (std::int64_t cx = 0; cx < m.size(1); ++cx) {
          const double near_y = std::max(0.0, 1 - std::abs(row - static_cast<double>(cy)));
          const double near_x = std::max(0.0, 1 - std::abs(column - static_cast<double>(cx)));
          to[y][x] += near_y * near_x * from[cy][cx];
        }
      }
    }
  }
  return out;
}

at::Tensor pooled_scores(const at::Tensor& logits, const config::ClassificationOptions& options) {
  const at::Tensor f = as_double(logits);
  const auto values = f.accessor<double, 4>();
  at::Tensor out = torch::zeros({f.size(0), f.size(1)}, torch::kDouble);
  auto scores = out.accessor<double, 2>();
  const auto cells = static_cast<double>(f.size(2) * f.size(3));
  for (std::int64_t i = 0; i < f.size(0); ++i) {
    for (std::int64_t j = 0; j < f.size(1); ++j) {
      double mean = 0;
      double maximum = values[i][j][0][0];
      double share = 0;
      for (std::int64_t y = 0; y < f.size(2); ++y) {
        for (std::int64_t x = 0; x < f.size(3); ++x) {
          mean += values[i][j][y][x] / cells;
          maximum = std::max(maximum, values[i][j][y][x]);
          double total = std::exp(1.0);  // the background map of ones
          for (std::int64_t k = 0; k < f.size(1); ++k) total += std::exp(values[i][k][y][x]);
          share += std::exp(values[i][j][y][x]) / total / cells;
        }
      }
      if (options.mean_pooling) scores[i][j] += mean;
      if (options.max_pooling) scores[i][j] += maximum;
      if (options.focal_pooling) scores[i][j] += std::pow(1 - share, 3) * std::log(0.01 + share);
    }
  }
  return out;
}

double soft_margin(const at::Tensor& scores) {
  const at::Tensor s = as_double(scores);
  const auto values = s.accessor<double, 2>();
  double sum = 0;
  for (std::int64_t i = 0; i < s.size(0); ++i) {
    for (std::int64_t j = 0; j < s.size(1); ++j) {
      const double p = 1 / (1 + std::exp(-values[i][j]));
      sum -= std::log(i == j ? p : 1 - p);
    }
  }
  return sum / static_cast<double>(s.size(0) * s.size(1));
}

at::Tensor log_sum_exp(const at::Tensor& logits) {
  const at::Tensor f = as_double(logits);
  const auto values = f.accessor<double, 4>();
  at::Tensor out = torch::zeros({f.size(0), f.size(1)}, torch::kDouble);
  for (std::int64_t i = 0; i < f.size(0); ++i) {
    for (std::int64_t j = 0; j < f.size(1); ++j) {
      double sum = 0;
      for (std::int64_t y = 0; y < f.size(2); ++y) {
        for (std::int64_t x = 0; x < f.size(3); ++x) sum += std::exp(values[i][j][y][x]);
      }
      out.accessor<double, 2>()[i][j] = std::log(sum);
    }
  }
  return out;
}

double contrastive(const at::Tensor& scores, const at::Tensor& text_index) {
  const at::Tensor s = as_double(scores);
  const auto z = s.accessor<double, 2>();
  const auto text = text_index.accessor<std::int64_t, 2>();
  const std::int64_t pictures = text_index.size(0);
  double sum = 0;
  for (std::int64_t m = 0; m < text_index.size(1); ++m) {
    for (std::int64_t i = 0; i < pictures; ++i) {
      double over_texts = 0;
      double over_pictures = 0;
      for (std::int64_t k = 0; k < pictures; ++k) {
        over_texts += std::exp(z[i][text[k][m]]);
        over_pictures += std::exp(z[k][text[i][m]]);
      }
      const double own = std::exp(z[i][text[i][m]]);
      sum -= std::log(own / over_texts) + std::log(own / over_pictures);
    }
  }
  return sum / 2 / static_cast<double>(pictures * text_index.size(1));
}

at::Tensor attention_pool(const at::Tensor& grid, const Weights& weights, std::int64_t heads) {
  std::vector<Row> pooled;
  for (std::int64_t b = 0; b < grid.size(0); ++b) {
    std::vector<Row> tokens = rows_of(grid[b].flatten(1).t());
    Row mean(tokens.front().size(), 0.0);
    for (const Row& cell : tokens) {
      for (std::size_t c = 0; c < mean.size(); ++c) {
        mean[c] += cell[c] / static_cast<double>(tokens.size());
      }
    }
    tokens.insert(tokens.begin(), mean);
    const auto positions = rows_of(weights.at("positional_embedding"));
    std::vector<Row> keys;
    std::vector<Row> values;
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      tokens[t] = add(tokens[t], positions.at(t));
      keys.push_back(linear(tokens[t], weights.at("k_proj.weight"), weights.at("k_proj.bias")));
      values.push_back(linear(tokens[t], weights.at("v_proj.weight"), weights.at("v_proj.bias")));
    }
    const Row query = linear(tokens[0], weights.at("q_proj.weight"), weights.at("q_proj.bias"));
    const Row seen = attend(query, keys, values, keys.size(), static_cast<std::size_t>(heads));
    pooled.push_back(linear(seen, weights.at("c_proj.weight"), weights.at("c_proj.bias")));
  }
  return to_matrix(pooled);
}

at::Tensor text_block(const at::Tensor& x, const Weights& weights, std::int64_t heads) {
  const std::vector<Row> tokens = rows_of(x);
  const std::size_t width = tokens.front().size();
  std::vector<Row> queries;
  std::vector<Row> keys;
  std::vector<Row> values;
  for (const Row& token : tokens) {
    const Row packed = linear(layer_norm(token, weights.at("ln_1.weight"), weights.at("ln_1.bias")),
                              weights.at("attn.in_proj_weight"), weights.at("attn.in_proj_bias"));
    const auto third = packed.begin() + static_cast<std::ptrdiff_t>(width);
    const auto last = third + static_cast<std::ptrdiff_t>(width);
    queries.emplace_back(packed.begin(), third);
    keys.emplace_back(third, last);
    values.emplace_back(last, packed.end());
  }
  std::vector<Row> out;
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    const Row seen = attend(queries[t], keys, values, t + 1, static_cast<std::size_t>(heads));
    const Row mixed = add(tokens[t], linear(seen, weights.at("attn.out_proj.weight"),
                                            weights.at("attn.out_proj.bias")));
    Row hidden = linear(layer_norm(mixed, weights.at("ln_2.weight"), weights.at("ln_2.bias")),
                        weights.at("mlp.c_fc.weight"), weights.at("mlp.c_fc.bias"));
    for (double& h : hidden) h /= 1 + std::exp(-1.702 * h);
    out.push_back(
        add(mixed, linear(hidden, weights.at("mlp.c_proj.weight"), weights.at("mlp.c_proj.bias"))));
  }
  return to_matrix(out);
}

}  // namespace pcnet::support::naive
