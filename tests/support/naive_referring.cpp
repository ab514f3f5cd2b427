#include "support/naive_referring.h"

#include <algorithm>
#include <cmath>

#include <torch/types.h>

namespace pcnet::support::naive {

namespace {

// --- rows ------------------------------------------------------------------------------------

/// The numbers of a tensor [rows, columns]; a vector is one row.
Rows rows_of(const at::Tensor& x) {
  const at::Tensor values = x.detach().to(torch::kDouble).contiguous();
  const auto columns = static_cast<std::size_t>(values.size(-1));
  const double* from = values.const_data_ptr<double>();
  Rows rows;
  for (std::size_t r = 0; r * columns < static_cast<std::size_t>(values.numel()); ++r) {
    rows.emplace_back(from + r * columns, from + (r + 1) * columns);
  }
  return rows;
}

/// Cells of a picture: grid [C, h, w] -> P rows of C.
Rows cells_of(const at::Tensor& grid) { return rows_of(grid.flatten(1).t()); }

double dot(const Row& a, const Row& b) {
  double sum = 0;
  for (std::size_t c = 0; c < a.size(); ++c) sum += a[c] * b[c];
  return sum;
}

/// a + factor * b
Row plus(const Row& a, double factor, const Row& b) {
  Row sum = a;
  for (std::size_t c = 0; c < a.size(); ++c) sum[c] += factor * b[c];
  return sum;
}

Row times(double factor, const Row& a) { return plus(Row(a.size(), 0.0), factor, a); }

Row unit(const Row& a) { return times(1 / std::sqrt(dot(a, a)), a); }

Rows each(const Rows& rows, Row (*function)(const Row&)) {
  Rows out;
  for (const Row& row : rows) out.push_back(function(row));
  return out;
}

Rows plus(const Rows& a, double factor, const Rows& b) {
  Rows sum;
  for (std::size_t p = 0; p < a.size(); ++p) sum.push_back(plus(a[p], factor, b[p]));
  return sum;
}

Row positive(const Row& a) {
  Row out = a;
  for (double& v : out) v = std::max(v, 0.0);
  return out;
}

// --- layers ----------------------------------------------------------------------------------

Row linear(const Row& x, const Weights& weights, const std::string& name) {
  const Rows matrix = rows_of(weights.at(name + ".weight").flatten(1));
  Row out = rows_of(weights.at(name + ".bias"))[0];
  for (std::size_t o = 0; o < out.size(); ++o) out[o] += dot(matrix[o], x);
  return out;
}

/// Every channel over the cells: biased variance, eps 1e-5, affine.
Rows instance_norm(const Rows& x, const Weights& weights, const std::string& name) {
  const Row gain = rows_of(weights.at(name + ".weight"))[0];
  const Row bias = rows_of(weights.at(name + ".bias"))[0];
  const auto cells = static_cast<double>(x.size());
  Rows out = x;
  for (std::size_t c = 0; c < gain.size(); ++c) {
    double mean = 0;
    for (const Row& cell : x) mean += cell[c] / cells;
    double variance = 0;
    for (const Row& cell : x) variance += (cell[c] - mean) * (cell[c] - mean) / cells;
    for (Row& cell : out)
      cell[c] = (cell[c] - mean) / std::sqrt(variance + 1e-5) * gain[c] + bias[c];
  }
  return out;
}

/// One attention block (docs/released_forward.md#one-attention-block); `scale` multiplies what
/// enters a projection.
struct Block {
  const Weights& weights;
  std::string name;  // with the dot at the end
  double scale = 1;

  Rows convolution(const Rows& cells, const std::string& layer) const {
    Rows out;
    for (const Row& cell : cells) out.push_back(linear(cell, weights, name + layer + ".0"));
    return instance_norm(out, weights, name + layer + ".1");
  }
  Rows a(int i, const Rows& cells) const {
    Rows scaled;
    for (const Row& cell : cells) scaled.push_back(times(scale, cell));
    return each(convolution(scaled, "v_proj" + std::to_string(i)), positive);
  }
  Row b(int i, const Row& text) const {
    return positive(
        linear(times(scale, text), weights, name + "t_proj" + std::to_string(i) + ".0"));
  }
  Rows b(int i, const Rows& texts) const {
    Rows out;
    for (const Row& text : texts) out.push_back(b(i, text));
    return out;
  }

  /// softmax(q k^T / sqrt(C)) v
  static Row look(const Row& query, const Rows& keys, const Rows& values) {
    Row share;
    double total = 0;
    for (const Row& key : keys) {
      share.push_back(std::exp(dot(query, key) / std::sqrt(static_cast<double>(query.size()))));
      total += share.back();
    }
    Row out(query.size(), 0.0);
    for (std::size_t k = 0; k < keys.size(); ++k) out = plus(out, share[k] / total, values[k]);
    return out;
  }

  Row text_looks_at_vision(const Row& text, const Rows& cells) const {
    return linear(look(b(1, text), a(2, cells), a(3, cells)), weights, name + "t_output.0");
  }
  Row text_looks_at_texts(const Row& text, const Rows& texts) const {
    return linear(look(b(1, text), b(2, texts), b(3, texts)), weights, name + "t_output.0");
  }
  /// With one text the softmax has one entry, which is 1.
  Row text_looks_at_text(const Row& text) const {
    return linear(b(3, text), weights, name + "t_output.0");
  }
  Rows vision_looks_at_texts(const Rows& cells, const Rows& texts) const {
    Rows out;
    for (const Row& query : a(1, cells)) out.push_back(look(query, b(2, texts), b(3, texts)));
    return convolution(out, "v_output");
  }
};

double factor(const Weights& weights) { return std::exp(weights.at("logit_scale").item<double>()); }

Rows projected_cells(const at::Tensor& grid, const Weights& weights, const std::string& name) {
  Rows out;
  for (const Row& cell : cells_of(grid)) out.push_back(unit(linear(cell, weights, name)));
  return out;
}

Rows projected_texts(const at::Tensor& features, const Weights& weights, const std::string& name) {
  Rows out;
  for (const Row& text : rows_of(features)) out.push_back(unit(linear(text, weights, name)));
  return out;
}

/// factor * <cell, text> of every cell.
Row products(double factor, const Rows& cells, const Row& text) {
  Row out;
  for (const Row& cell : cells) out.push_back(factor * dot(cell, text));
  return out;
}

Row cosines(double factor, const Rows& cells, const Row& text) {
  return products(factor, each(cells, unit), unit(text));
}

at::Tensor tensor_of(const Rows& maps, at::IntArrayRef shape) {
  std::vector<at::Tensor> rows;
  for (const Row& map : maps) rows.push_back(torch::tensor(map, torch::kDouble));
  return at::stack(rows).view(shape);
}

std::string block_name(std::int64_t stage) {
  return "attn_fusion_vl." + std::to_string(stage) + ".";
}

constexpr double kScale = 0.1;

}  // namespace

at::Tensor tris_score(const at::Tensor& grid, const at::Tensor& text, const Weights& weights) {
  const Block block{weights, "attn_fusion."};
  const Rows v = projected_cells(grid, weights, "vis_project");
  const Row t = projected_texts(text, weights, "lan_project")[0];
  const Row updated = plus(t, kScale, block.text_looks_at_vision(t, v));
  const Rows cells = plus(v, kScale, block.vision_looks_at_texts(v, {t}));
  return tensor_of({products(factor(weights), cells, updated)}, grid.sizes().slice(1));
}

at::Tensor released_scores(const at::Tensor& grid, const at::Tensor& sentence,
                           const at::Tensor& cues, const Weights& weights, std::int64_t stages) {
  Rows v_n = projected_cells(grid, weights, "c4_vis_project");
  const Row e = projected_texts(sentence, weights, "global_lan_project")[0];
  const Rows cue = projected_texts(cues, weights, "global_lan_project");
  Row q_n = e;
  Rows scores;
  for (std::int64_t n = 0; n < stages; ++n) {
    const Block block{weights, block_name(n)};
    const Rows v = each(v_n, unit);
    const Row q = unit(q_n);
    const Row own = n + 1 < stages ? cue[static_cast<std::size_t>(n)] : e;
    const Row c = block.text_looks_at_vision(own, v);
    q_n = plus(q, kScale, block.text_looks_at_texts(q, {c}));
    const Row u = unit(q_n);
    const Row t = plus(u, kScale, block.text_looks_at_vision(u, v));
    v_n = plus(v, kScale, block.vision_looks_at_texts(v, {u}));
    scores.push_back(products(factor(weights), v_n, t));
  }
  return tensor_of(scores, {stages, grid.size(1), grid.size(2)});
}

at::Tensor released_map(const at::Tensor& score, std::int64_t side, std::int64_t height,
                        std::int64_t width) {
  at::Tensor square = bilinear(score, side, side, /*align_corners=*/false);
  Row values = positive(rows_of(square.flatten())[0]);
  square = torch::tensor(values, torch::kDouble).view({side, side});
  values = rows_of(bilinear(square, height, width, /*align_corners=*/true).flatten())[0];
  const double most = *std::max_element(values.begin(), values.end());
  for (double& v : values) v /= most + 1e-5;
  return torch::tensor(values, torch::kDouble).view({height, width});
}

namespace {

/// Texts [.., Ct] projected, one list a picture: [B, X, Ct] -> B lists of X rows.
std::vector<Rows> by_picture(const at::Tensor& features, const Weights& weights) {
  std::vector<Rows> out;
  for (std::int64_t i = 0; i < features.size(0); ++i) {
    out.push_back(projected_texts(features[i], weights, "global_lan_project"));
  }
  return out;
}

/// What a text of picture i sees of one cue (Eq. 2).
Row attended_cue(const Block& block, const Row& cue, const Rows& cells) {
  return plus(cue, kScale, block.text_looks_at_vision(cue, cells));
}

/// Text l of picture i looks at its own cue and at those of the other samples, all on picture i
/// (Eq. 2 and 3).
Row modulated(const Weights& weights, std::int64_t stage, const Row& text, const Row& own_cue,
              std::size_t i, const std::vector<Rows>& cues, const Rows& cells) {
  const Block vision{weights, block_name(stage) + "vision_to_text."};
  const Block texts{weights, block_name(stage) + "text_to_text."};
  Rows seen = {attended_cue(vision, own_cue, cells)};
  for (std::size_t j = 0; j < cues.size(); ++j) {
    if (j != i) seen.push_back(attended_cue(vision, cues[j][0], cells));
  }
  return plus(text, kScale, texts.text_looks_at_texts(text, seen));
}

}  // namespace

at::Tensor paper_training_logits(const at::Tensor& grid, const at::Tensor& texts,
                                 const at::Tensor& cues, const Weights& weights,
                                 std::int64_t stages) {
  const auto pictures = static_cast<std::size_t>(grid.size(0));
  std::vector<Rows> v;
  for (std::size_t i = 0; i < pictures; ++i) {
    v.push_back(projected_cells(grid[static_cast<std::int64_t>(i)], weights, "c4_vis_project"));
  }
  std::vector<Rows> q = by_picture(texts, weights);
  Rows logits;
  for (std::int64_t n = 0; n < stages; ++n) {
    const std::vector<Rows> cue = by_picture(cues.select(2, n), weights);
    std::vector<Rows> next = q;
    for (std::size_t i = 0; i < pictures; ++i) {
      for (std::size_t l = 0; l < q[i].size(); ++l) {
        next[i][l] = modulated(weights, n, q[i][l], cue[i][l], i, cue, v[i]);
      }
    }
    q = next;
    Rows samples;
    for (const Rows& own : q) samples.push_back(own[0]);
    const Block vision{weights, block_name(n) + "text_to_vision."};
    for (std::size_t i = 0; i < pictures; ++i) {
      v[i] = plus(v[i], kScale, vision.vision_looks_at_texts(v[i], samples));
      for (const Row& text : samples) logits.push_back(cosines(factor(weights), v[i], text));
      for (std::size_t d = 1; d < q[i].size(); ++d) {
        logits.push_back(cosines(factor(weights), v[i], q[i][d]));
      }
    }
  }
  return tensor_of(
      logits, {stages, grid.size(0), grid.size(0) + texts.size(1) - 1, grid.size(2), grid.size(3)});
}

namespace {

/// Numbers [B, M, C], where all B are `each` [M, C], read as [M, C, B]: what text j gets, B rows.
Rows reshaped(const Rows& each, std::size_t pictures, std::size_t j) {
  const std::size_t width = each[0].size();
  Rows out(pictures, Row(width));
  for (std::size_t c = 0; c < width; ++c) {
    for (std::size_t k = 0; k < pictures; ++k) {
      const std::size_t place = (j * width + c) * pictures + k;  // of B M C numbers
      out[k][c] = each[(place / width) % each.size()][place % width];
    }
  }
  return out;
}

}  // namespace

at::Tensor released_training_logits(const at::Tensor& grid, const at::Tensor& texts,
                                    const at::Tensor& cues, const Weights& weights,
                                    std::int64_t stages) {
  const auto pictures = static_cast<std::size_t>(grid.size(0));
  const std::string project = "global_lan_project";
  std::vector<Rows> v;
  for (std::size_t i = 0; i < pictures; ++i) {
    v.push_back(projected_cells(grid[static_cast<std::int64_t>(i)], weights, "c4_vis_project"));
  }
  // Text j belongs to picture j mod B; the samples' come first.
  const auto in_order = [&](const at::Tensor& features) {
    return projected_texts(features.transpose(0, 1).flatten(0, 1), weights, project);
  };
  const Rows e = in_order(texts);
  Rows q = e;
  Rows logits;
  for (std::int64_t n = 0; n < stages; ++n) {
    const Block block{weights, block_name(n)};
    const Rows cue = n + 1 < stages ? in_order(cues.select(2, n)) : e;
    for (Rows& cells : v) cells = each(cells, unit);
    q = each(q, unit);
    Rows keys, values;
    for (std::size_t j = 0; j < q.size(); ++j) {
      const Row seen = block.text_looks_at_vision(cue[j], v[j % pictures]);
      keys.push_back(block.b(2, seen));
      values.push_back(block.b(3, seen));
    }
    for (std::size_t j = 0; j < q.size(); ++j) {
      const Row seen =
          Block::look(block.b(1, q[j]), reshaped(keys, pictures, j), reshaped(values, pictures, j));
      q[j] = plus(q[j], kScale, linear(seen, weights, block.name + "t_output.0"));
    }
    const Rows u = each(q, unit);
    for (std::size_t i = 0; i < pictures; ++i) {
      const Rows before = v[i];
      v[i] = plus(before, kScale, block.vision_looks_at_texts(before, u));
      for (std::size_t j = 0; j < q.size(); ++j) {
        if (j >= pictures && j % pictures != i) continue;
        const Row t = plus(u[j], kScale, block.text_looks_at_vision(u[j], before));
        logits.push_back(products(factor(weights), v[i], t));
      }
    }
  }
  return tensor_of(
      logits, {stages, grid.size(0), grid.size(0) + texts.size(1) - 1, grid.size(2), grid.size(3)});
}

at::Tensor paper_logits(const at::Tensor& grid, const at::Tensor& text, const at::Tensor& cues,
                        const Weights& weights, std::int64_t stages) {
  Rows v = projected_cells(grid, weights, "c4_vis_project");
  Row q = projected_texts(text, weights, "global_lan_project")[0];
  const Rows cue = projected_texts(cues, weights, "global_lan_project");
  Rows logits;
  for (std::int64_t n = 0; n < stages; ++n) {
    q = modulated(weights, n, q, cue[static_cast<std::size_t>(n)], 0, {{}}, v);
    const Block vision{weights, block_name(n) + "text_to_vision."};
    v = plus(v, kScale, vision.vision_looks_at_texts(v, {q}));
    logits.push_back(cosines(factor(weights), v, q));
  }
  return tensor_of(logits, {stages, grid.size(1), grid.size(2)});
}

at::Tensor improved_logits(const at::Tensor& grid, const at::Tensor& text, const at::Tensor& cues,
                           const Weights& weights, std::int64_t stages, double cue_scale) {
  const Rows v = projected_cells(grid, weights, "c4_vis_project");
  Row q = projected_texts(text, weights, "global_lan_project")[0];
  const Rows cue = projected_texts(cues, weights, "global_lan_project");
  const double root = std::sqrt(static_cast<double>(q.size()));
  Rows logits;
  for (std::int64_t n = 0; n < stages; ++n) {
    const Block vision{weights, block_name(n) + "vision_to_text.", root};
    const Block texts{weights, block_name(n) + "text_to_text.", root};
    const Row& own = cue[static_cast<std::size_t>(n)];
    const Row attended = plus(own, 0.3, vision.text_looks_at_vision(own, v));
    q = unit(plus(plus(q, 0.3, texts.text_looks_at_text(attended)), cue_scale, attended));
    logits.push_back(cosines(factor(weights), v, q));
  }
  return tensor_of(logits, {stages, grid.size(1), grid.size(2)});
}

}  // namespace pcnet::support::naive
