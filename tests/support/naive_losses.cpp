#include "support/naive_losses.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <torch/types.h>

#include "support/naive.h"

namespace pcnet::support::naive {

namespace {

using Cells = std::vector<double>;  // one map, row by row
using Mask = std::vector<bool>;     // one proposal, row by row

struct Picture {
  std::vector<Mask> proposals;
  std::int64_t height = 0;
  std::int64_t width = 0;
};

Picture picture_of(const at::Tensor& proposals) {  // [P, h, w]
  Picture picture{{}, proposals.size(1), proposals.size(2)};
  for (std::int64_t p = 0; p < proposals.size(0); ++p) {
    const at::Tensor plane = proposals[p].to(torch::kInt64).contiguous();
    const auto* from = plane.const_data_ptr<std::int64_t>();
    Mask mask;
    for (std::int64_t c = 0; c < plane.numel(); ++c) mask.push_back(from[c] != 0);
    picture.proposals.push_back(mask);
  }
  return picture;
}

Cells map_of(const at::Tensor& logits, const Picture& picture) {  // [h', w']
  const at::Tensor map =
      logits.size(0) == picture.height && logits.size(1) == picture.width
          ? logits.detach().to(torch::kDouble).contiguous()
          : bilinear(logits, picture.height, picture.width, /*align_corners=*/false).contiguous();
  const auto* from = map.const_data_ptr<double>();
  return {from, from + map.numel()};
}

int area(const Mask& mask) { return static_cast<int>(std::count(mask.begin(), mask.end(), true)); }

bool has_any(const Picture& picture) {
  return std::any_of(picture.proposals.begin(), picture.proposals.end(),
                     [](const Mask& mask) { return area(mask) > 0; });
}

/// Eq. 4: Norm(ReLU(logits)), the maximum taken from `norm`.
Cells response(const Cells& logits, const Cells& norm) {
  double maximum = 0;
  for (const double v : norm) maximum = std::max(maximum, v);
  Cells out;
  for (const double v : logits) out.push_back(std::max(0.0, v) / (maximum + 1e-5));
  return out;
}

double score(const Cells& map, const Mask& mask, config::Choice<config::ProposalScore> kind) {
  double highest = -std::numeric_limits<double>::infinity();
  double sum = 0;
  for (std::size_t c = 0; c < map.size(); ++c) {
    if (!mask[c]) continue;
    highest = std::max(highest, map[c]);
    sum += map[c];
  }
  if (area(mask) == 0) return 0;
  return kind == "max" ? highest : sum / area(mask);
}

Cells scores(const Cells& map, const std::vector<Mask>& proposals,
             config::Choice<config::ProposalScore> kind) {
  Cells out;
  for (const Mask& mask : proposals) out.push_back(score(map, mask, kind));
  return out;
}

/// arg-max without padding; of ties the smallest, then the first.
std::size_t winner(const Cells& values, const std::vector<Mask>& proposals) {
  std::size_t best = proposals.size();
  for (std::size_t p = 0; p < proposals.size(); ++p) {
    if (area(proposals[p]) == 0) continue;
    if (best == proposals.size() || values[p] > values[best] ||
        (values[p] == values[best] && area(proposals[p]) < area(proposals[best]))) {
      best = p;
    }
  }
  return best;
}

double overlap(const Cells& map, const Mask& mask, config::Choice<config::IouDenominator> kind) {
  double shared = 0;
  double sum = 0;
  for (std::size_t c = 0; c < map.size(); ++c) {
    shared += mask[c] ? map[c] : 0;
    sum += map[c] + (mask[c] ? 1 : 0);
  }
  const double whole = kind == "union" ? sum - shared : sum;
  return whole > 0 ? shared / whole : 0;
}

double background(const Cells& map, const Picture& picture, std::size_t target,
                  const config::RegionAwareShrinkingOptions& options) {
  Mask all(map.size(), false);
  double strongest = 0;
  for (std::size_t p = 0; p < picture.proposals.size(); ++p) {
    if (p == target) continue;
    for (std::size_t c = 0; c < all.size(); ++c) all[c] = all[c] || picture.proposals[p][c];
    strongest = std::max(strongest, overlap(map, picture.proposals[p], options.iou));
  }
  return options.background == "union" ? overlap(map, all, options.iou) : strongest;
}

struct Overlaps {
  double foreground = 0;
  double background = 0;
};

Overlaps overlaps_of(const losses::StageMaps& at, const losses::StageMaps& fixed, std::int64_t b,
                     std::int64_t n, const config::RegionAwareShrinkingOptions& options) {
  const Picture picture = picture_of(at.proposals[b]);
  const Cells logits = map_of(at.logits[b][n], picture);
  const Cells still = map_of(fixed.logits[b][n], picture);
  const Cells map = response(logits, options.detach_maximum ? still : logits);
  Cells by = scores(map, picture.proposals, options.scores);
  if (options.foreground == "clip_score") {
    for (std::size_t p = 0; p < by.size(); ++p) {
      by[p] = at.clip_scores[b][static_cast<std::int64_t>(p)].item<double>();
    }
  }
  const std::size_t target = winner(by, picture.proposals);
  return {overlap(map, picture.proposals[target], options.iou),
          background(map, picture, target, options)};
}

Mask grown(const Mask& mask, const Picture& picture, std::int64_t by) {
  Mask out(mask.size(), false);
  for (std::int64_t y = 0; y < picture.height; ++y) {
    for (std::int64_t x = 0; x < picture.width; ++x) {
      for (std::int64_t v = std::max<std::int64_t>(0, y - by);
           v <= std::min(picture.height - 1, y + by); ++v) {
        for (std::int64_t u = std::max<std::int64_t>(0, x - by);
             u <= std::min(picture.width - 1, x + by); ++u) {
          const auto here = static_cast<std::size_t>(y * picture.width + x);
          if (mask[static_cast<std::size_t>(v * picture.width + u)]) out[here] = true;
        }
      }
    }
  }
  return out;
}

Cells softmax(const Cells& values, const std::vector<Mask>& proposals) {
  double total = 0;
  for (std::size_t p = 0; p < values.size(); ++p) {
    if (area(proposals[p]) > 0) total += std::exp(values[p]);
  }
  Cells out;
  for (std::size_t p = 0; p < values.size(); ++p) {
    out.push_back(area(proposals[p]) > 0 ? std::exp(values[p]) / total : 0.0);
  }
  return out;
}

/// Eq. 8: the one-hot and sg(S) from `still`, S from `logits`.
Cells index_vector(const Cells& logits, const Cells& still, const Picture& picture,
                   const config::InstanceDisambiguationOptions& options) {
  const auto seen = [&](const Cells& map) {
    if (options.maps == "logits") return map;
    return response(map, options.detach_maximum ? still : map);
  };
  std::vector<Mask> wide;
  for (const Mask& mask : picture.proposals) wide.push_back(grown(mask, picture, options.dilation));
  const auto surrogate = [&](const Cells& map) {
    const Cells s = scores(seen(map), wide, options.scores);
    const bool soft = options.straight_through == "softmax" || options.gradient == "softmax";
    return soft ? softmax(s, picture.proposals) : s;
  };
  const Cells now = surrogate(logits);
  const Cells held = surrogate(still);
  Cells y(now.size(), 0.0);
  y[winner(scores(seen(still), picture.proposals, options.scores), picture.proposals)] = 1;
  for (std::size_t p = 0; p < y.size(); ++p) y[p] += now[p] - held[p];
  return y;
}

/// Eq. 9 for one pair, each form as it is written down.
double pair_value(const Cells& a, const Cells& d,
                  const config::InstanceDisambiguationOptions& options) {
  double square = 0;
  double absolute = 0;
  double product = 0;
  for (std::size_t p = 0; p < a.size(); ++p) {
    square += (a[p] - d[p]) * (a[p] - d[p]);
    absolute += std::abs(a[p] - d[p]);
    product += a[p] * d[p];
  }
  const bool l2 = options.distance == "squared_l2";
  if (options.gradient == "squared_difference") return 1 - (l2 ? square : absolute / 2);
  return l2 ? 2 * product - 1 : product;
}

/// The mean over stages and real pairs of `value(own, own fixed, partner, partner fixed, picture)`.
template <class Value>
double mean_of_pairs(const losses::TextPairs& at, const losses::TextPairs& fixed,
                     config::Choice<config::TermStages> stages, Value&& value) {
  double sum = 0;
  int count = 0;
  const std::int64_t last = at.own.size(1) - 1;
  for (std::int64_t b = 0; b < at.own.size(0); ++b) {
    const Picture picture = picture_of(at.proposals[b]);
    if (!has_any(picture)) continue;
    for (std::int64_t n = stages == "all" ? 0 : last; n <= last; ++n) {
      for (std::int64_t d = 0; d < at.partner.size(2); ++d) {
        if (!at.has_partner[b][d].item<bool>()) continue;
        sum += value(map_of(at.own[b][n], picture), map_of(fixed.own[b][n], picture),
                     map_of(at.partner[b][n][d], picture), map_of(fixed.partner[b][n][d], picture),
                     picture);
        ++count;
      }
    }
  }
  return count > 0 ? sum / count : 0;
}

}  // namespace

Shrinking region_aware_shrinking(const losses::StageMaps& at, const losses::StageMaps& fixed,
                                 const config::RegionAwareShrinkingOptions& options) {
  const std::int64_t stages = at.logits.size(1);
  const auto pairs = static_cast<double>(stages - 1);
  const auto k = static_cast<std::int64_t>(at.draw * pairs);
  Shrinking sum;
  int pictures = 0;
  for (std::int64_t b = 0; b < at.logits.size(0); ++b) {
    if (!has_any(picture_of(at.proposals[b]))) continue;
    ++pictures;
    for (std::int64_t n = 0; n < stages; ++n) {
      const Overlaps here = overlaps_of(at, fixed, b, n, options);
      sum.foreground += (1 - here.foreground) / static_cast<double>(stages);
      if (n + 1 == stages) continue;
      const Overlaps next = overlaps_of(at, fixed, b, n + 1, options);
      const Overlaps before =
          overlaps_of(options.detach_previous ? fixed : at, fixed, b, n, options);
      if (options.form == "hinge") {
        const double earlier = 1 - (before.foreground - before.background);
        const double later = 1 - (next.foreground - next.background);
        sum.shrinking += std::max(0.0, later - earlier) / pairs;
      } else if (n == k) {
        sum.shrinking += 1 - (before.background - next.background);
      }
    }
  }
  if (pictures == 0) return {};
  return {sum.shrinking / pictures, sum.foreground / pictures};
}

double instance_disambiguation(const losses::TextPairs& at, const losses::TextPairs& fixed,
                               const config::InstanceDisambiguationOptions& options) {
  return mean_of_pairs(at, fixed, options.stages,
                       [&](const Cells& own, const Cells& own_fixed, const Cells& partner,
                           const Cells& partner_fixed, const Picture& picture) {
                         return pair_value(index_vector(own, own_fixed, picture, options),
                                           index_vector(partner, partner_fixed, picture, options),
                                           options);
                       });
}

double kl_divergence(const losses::TextPairs& at, const losses::TextPairs& fixed,
                     const config::KlDivergenceOptions& options) {
  return mean_of_pairs(
      at, fixed, options.stages,
      [&](const Cells& own, const Cells& own_fixed, const Cells& partner,
          const Cells& partner_fixed, const Picture& picture) {
        const auto& masks = picture.proposals;
        const Cells a = softmax(scores(response(own, own_fixed), masks, options.scores), masks);
        const Cells d =
            softmax(scores(response(partner, partner_fixed), masks, options.scores), masks);
        double divergence = 0;
        for (std::size_t p = 0; p < a.size(); ++p) {
          if (a[p] > 0) divergence += a[p] * std::log(a[p] / d[p]);
        }
        return -divergence;
      });
}

double calibration(const losses::CalibrationScores& scores,
                   const config::CalibrationOptions& options) {
  const auto chance = [](double p) { return -std::log(std::max(1e-4, p)); };
  const std::int64_t pictures = scores.own.size(0);
  double own = 0;
  double other = 0;
  int count = 0;
  for (std::int64_t b = 0; b < pictures; ++b) {
    own += chance(scores.own[b].item<double>()) / static_cast<double>(pictures);
    if (!scores.negative.defined()) continue;
    for (std::int64_t k = 0; k < scores.negative.size(1); ++k) {
      if (scores.has_negative.defined() && !scores.has_negative[b][k].item<bool>()) continue;
      other += chance(1 - scores.negative[b][k].item<double>());
      ++count;
    }
  }
  return own + (count > 0 ? options.negatives * other / count : 0);
}

}  // namespace pcnet::support::naive
