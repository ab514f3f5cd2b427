#include "support/released_step.h"

#include <cmath>
#include <string>
#include <utility>

#include <torch/torch.h>

namespace pcnet::support::naive {

namespace {

constexpr double kScale = 0.1;

at::Tensor unit(const at::Tensor& rows) { return rows / rows.norm(2, -1, /*keepdim=*/true); }

at::Tensor linear(const at::Tensor& rows, const Weights& weights, const std::string& name) {
  return rows.matmul(weights.at(name + ".weight").flatten(1).t()) + weights.at(name + ".bias");
}

/// Each channel over the cells [P, C].
at::Tensor instance_norm(const at::Tensor& x, const Weights& weights, const std::string& name) {
  const at::Tensor apart = x - x.mean(0);
  return apart / (apart.square().mean(0) + 1e-5).sqrt() * weights.at(name + ".weight") +
         weights.at(name + ".bias");
}

/// softmax(q k^T / sqrt(C)) v of rows.
at::Tensor look(const at::Tensor& query, const at::Tensor& keys, const at::Tensor& values) {
  const double root = std::sqrt(static_cast<double>(query.size(-1)));
  return (query.matmul(keys.t()) / root).softmax(-1).matmul(values);
}

/// docs/released_forward.md#one-attention-block
struct Block {
  const Weights& weights;
  std::string name;

  at::Tensor a(int i, const at::Tensor& cells) const {
    const std::string layer = name + "v_proj" + std::to_string(i);
    return instance_norm(linear(cells, weights, layer + ".0"), weights, layer + ".1").relu();
  }
  at::Tensor b(int i, const at::Tensor& texts) const {
    return linear(texts, weights, name + "t_proj" + std::to_string(i) + ".0").relu();
  }
  at::Tensor text_output(const at::Tensor& rows) const {
    return linear(rows, weights, name + "t_output.0");
  }
  at::Tensor texts_look_at_vision(const at::Tensor& texts, const at::Tensor& cells) const {
    return text_output(look(b(1, texts), a(2, cells), a(3, cells)));
  }
  at::Tensor vision_looks_at_texts(const at::Tensor& cells, const at::Tensor& texts) const {
    const at::Tensor seen = look(a(1, cells), b(2, texts), b(3, texts));
    return instance_norm(linear(seen, weights, name + "v_output.0"), weights, name + "v_output.1");
  }
};

/// [B, M, C], all B alike, read as [M, C, B]: what text j of M gets, B rows.
at::Tensor read_anew(const at::Tensor& rows, std::int64_t pictures, std::int64_t j) {
  return rows.repeat({pictures, 1}).reshape({rows.size(0), rows.size(1), pictures})[j].t();
}

at::Tensor resized(const at::Tensor& map, std::int64_t side, bool align_corners) {  // [.., h, w]
  const at::Tensor planes = map.reshape({1, -1, map.size(-2), map.size(-1)});
  std::vector<std::int64_t> shape = map.sizes().vec();
  shape[shape.size() - 2] = shape.back() = side;
  return at::upsample_bilinear2d(planes, {side, side}, align_corners).view(shape);
}

/// Scores of a stage: [B] of [2 B, P], and what the next one starts from.
struct Stage {
  std::vector<at::Tensor> cells;  // [B] of [P, C]
  at::Tensor texts;               // [2 B, C]
  std::vector<at::Tensor> scores;
};

Stage refer(const Block& block, const Stage& before, const at::Tensor& cues, double factor) {
  const auto pictures = static_cast<std::int64_t>(before.cells.size());
  std::vector<at::Tensor> v;
  for (const at::Tensor& cells : before.cells) v.push_back(unit(cells));
  const at::Tensor q = unit(before.texts);
  std::vector<at::Tensor> contexts;
  for (std::int64_t j = 0; j < q.size(0); ++j) {
    const at::Tensor& cells = v[static_cast<std::size_t>(j % pictures)];
    contexts.push_back(block.texts_look_at_vision(cues[j].unsqueeze(0), cells));
  }
  const at::Tensor keys = block.b(2, at::cat(contexts));
  const at::Tensor values = block.b(3, at::cat(contexts));
  std::vector<at::Tensor> modulated;
  for (std::int64_t j = 0; j < q.size(0); ++j) {
    const at::Tensor text = q[j].unsqueeze(0);
    const at::Tensor seen =
        look(block.b(1, text), read_anew(keys, pictures, j), read_anew(values, pictures, j));
    modulated.push_back(text + kScale * block.text_output(seen));
  }
  Stage after{{}, at::cat(modulated), {}};
  const at::Tensor u = unit(after.texts);
  for (const at::Tensor& cells : v) {
    after.cells.push_back(cells + kScale * block.vision_looks_at_texts(cells, u));
    const at::Tensor compared = u + kScale * block.texts_look_at_vision(u, cells);
    after.scores.push_back(factor * compared.matmul(after.cells.back().t()));
  }
  return after;
}

/// A.2 with the scores of the B sentences on picture i.
at::Tensor classification(const std::vector<at::Tensor>& scores) {
  const auto pictures = static_cast<std::int64_t>(scores.size());
  at::Tensor sum = at::zeros({}, scores[0].options());
  for (std::int64_t i = 0; i < pictures; ++i) {
    const at::Tensor f = scores[static_cast<std::size_t>(i)].slice(0, 0, pictures);  // [B, P]
    const at::Tensor share = at::cat({at::ones_like(f.slice(0, 0, 1)), f}).softmax(0);
    for (std::int64_t j = 0; j < pictures; ++j) {
      const at::Tensor m = share[j + 1].mean();
      const at::Tensor y = f[j].mean() + f[j].max() + (1 - m).pow(3) * (0.01 + m).log();
      sum = sum - (i == j ? y : -y).sigmoid().log();
    }
  }
  return sum / static_cast<double>(pictures * pictures);
}

/// To the picture, ReLU, over the maximum + 1e-5, less 1e-5, to the grid.
at::Tensor response(const at::Tensor& score, std::int64_t side, std::int64_t grid) {
  const at::Tensor positive = resized(score, side, /*align_corners=*/false).relu();
  const at::Tensor norm = positive / (positive.max() + 1e-5);
  return resized((norm - 1e-5).relu(), grid, /*align_corners=*/true);
}

at::Tensor overlap(const at::Tensor& map, const at::Tensor& mask) {
  return (map * mask).sum() / ((map + mask).sum() + 2e-5);
}

/// y of Eq. 8 with the softmax over all planes; of equal scores the first.
at::Tensor index_vector(const at::Tensor& map, const at::Tensor& proposals) {
  std::vector<at::Tensor> scores;
  for (std::int64_t p = 0; p < proposals.size(0); ++p) scores.push_back((map * proposals[p]).max());
  std::size_t best = 0;
  for (std::size_t p = 1; p < scores.size(); ++p) {
    if (scores[p].item<double>() > scores[best].item<double>()) best = p;
  }
  const at::Tensor p = at::stack(scores).softmax(0);
  at::Tensor y = at::zeros_like(p);
  y[static_cast<std::int64_t>(best)] = 1;
  return y + (p - p.detach());
}

struct Seen {
  at::Tensor own, negative;
};

/// What the frozen CLIP says of picture i behind the sigmoid of a score [h, w].
Seen seen_by_clip(const at::Tensor& score, const ReleasedBatch& batch, std::size_t stage,
                  std::int64_t i, const FrozenEncoder& frozen) {
  const std::int64_t side = batch.pictures.size(-1);
  const at::Tensor mask = resized(resized(score, side, /*align_corners=*/false).sigmoid(),
                                  frozen.side, /*align_corners=*/true);
  const at::Tensor feature =
      frozen.encode(mask * resized(batch.pictures[i], frozen.side, /*align_corners=*/true));
  return {-feature.dot(batch.own_text[stage][i]).clamp(1e-4, 0.9999).log(),
          -(1 - batch.other_text[i].matmul(feature)).log().mean()};
}

struct Overlaps {
  at::Tensor foreground, background;
};

/// The means over the pictures: of the maps that meet their foreground, and of all.
Overlaps overlaps(const std::vector<at::Tensor>& maps, const ReleasedBatch& batch) {
  Overlaps sum{at::zeros({}, maps[0].options()), at::zeros({}, maps[0].options())};
  double meeting = 0;
  for (std::size_t i = 0; i < maps.size(); ++i) {
    const auto b = static_cast<std::int64_t>(i);
    const at::Tensor masks = batch.proposals[b].to(maps[i].scalar_type());
    const auto best = batch.clip_scores[b].argmax().item<std::int64_t>();
    std::vector<at::Tensor> others;
    for (std::int64_t p = 0; p < masks.size(0); ++p) {
      if (p != best) others.push_back(overlap(maps[i], masks[p]));
    }
    sum.background = sum.background + at::stack(others).max();
    if ((maps[i] * masks[best]).max().item<double>() <= 1e-9) continue;
    sum.foreground = sum.foreground + overlap(maps[i], masks[best]);
    ++meeting;
  }
  return {sum.foreground / (meeting + 1e-4),
          sum.background / (static_cast<double>(maps.size()) + 1e-4)};
}

}  // namespace

ReleasedTerms released_step(const ReleasedBatch& batch, const Weights& weights,
                            const FrozenEncoder& frozen) {
  const std::int64_t pictures = batch.grid.size(0);
  const std::int64_t side = batch.pictures.size(-1);
  const std::int64_t grid = batch.proposals.size(-1);
  const auto stages = static_cast<std::int64_t>(batch.own_text.size());
  const double factor = std::exp(weights.at("logit_scale").item<double>());
  Stage now;
  for (std::int64_t i = 0; i < pictures; ++i) {
    now.cells.push_back(unit(linear(batch.grid[i].flatten(1).t(), weights, "c4_vis_project")));
  }
  const auto projected = [&](const at::Tensor& features) {
    return unit(linear(features, weights, "global_lan_project"));
  };
  const at::Tensor sentences = projected(batch.texts);
  now.texts = sentences;
  const at::Tensor zero = at::zeros({}, sentences.options());
  ReleasedTerms terms{zero, zero, zero, zero, zero, zero};
  std::vector<Overlaps> all;
  for (std::int64_t n = 0; n < stages; ++n) {
    const Block block{weights, "attn_fusion_vl." + std::to_string(n) + "."};
    const auto stage = static_cast<std::size_t>(n);
    now = refer(block, now, n + 1 < stages ? projected(batch.cues[stage]) : sentences, factor);
    terms.classification = terms.classification + classification(now.scores);
    std::vector<at::Tensor> maps;
    at::Tensor apart = zero;
    for (std::int64_t i = 0; i < pictures; ++i) {
      const auto map_of = [&](std::int64_t j) {
        return now.scores[static_cast<std::size_t>(i)][j].view(
            {batch.grid.size(2), batch.grid.size(3)});
      };
      const Seen seen = seen_by_clip(map_of(i), batch, stage, i, frozen);
      terms.own = terms.own + seen.own / pictures;
      terms.negative = terms.negative + seen.negative / pictures;
      maps.push_back(response(map_of(i), side, grid));
      if (!batch.same_picture[i].item<bool>()) continue;
      const at::Tensor masks = batch.proposals[i].to(sentences.scalar_type());
      apart = apart + (index_vector(maps.back(), masks) -
                       index_vector(response(map_of(pictures + i), side, grid), masks))
                          .abs()
                          .sum();
    }
    const double pairs = batch.same_picture.sum().item<double>();
    terms.disambiguation = terms.disambiguation + 1 - apart / (2 * pairs + 1e-4);
    all.push_back(overlaps(maps, batch));
    terms.foreground = terms.foreground + 1 - all.back().foreground;
  }
  const auto k = static_cast<std::size_t>(batch.pair);
  if (stages > 1) terms.shrinking = 1 - (all[k].background - all[k + 1].background);
  for (at::Tensor* mean : {&terms.classification, &terms.own, &terms.negative, &terms.foreground,
                           &terms.disambiguation}) {
    *mean = *mean / stages;
  }
  return terms;
}

ReleasedTerms tris_step(const ReleasedBatch& batch, const Weights& weights,
                        const FrozenEncoder& frozen) {
  const std::int64_t pictures = batch.grid.size(0);
  const double factor = std::exp(weights.at("logit_scale").item<double>());
  const Block block{weights, "attn_fusion."};
  const at::Tensor texts = unit(linear(batch.texts, weights, "lan_project"));
  const at::Tensor zero = at::zeros({}, texts.options());
  ReleasedTerms terms{zero, zero, zero, zero, zero, zero};
  std::vector<at::Tensor> scores;
  for (std::int64_t i = 0; i < pictures; ++i) {
    const at::Tensor v = unit(linear(batch.grid[i].flatten(1).t(), weights, "vis_project"));
    const at::Tensor cells = v + kScale * block.vision_looks_at_texts(v, texts);
    const at::Tensor compared = texts + kScale * block.texts_look_at_vision(texts, v);
    scores.push_back(factor * compared.matmul(cells.t()));
    const at::Tensor own = scores.back()[i].view({batch.grid.size(2), batch.grid.size(3)});
    const Seen seen = seen_by_clip(own, batch, 0, i, frozen);
    terms.own = terms.own + seen.own / pictures;
    terms.negative = terms.negative + seen.negative / pictures;
  }
  terms.classification = classification(scores);
  return terms;
}

}  // namespace pcnet::support::naive
