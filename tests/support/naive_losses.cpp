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

Cells cells_of(const at::Tensor& map) {  // [h, w]
  const at::Tensor values = map.detach().to(torch::kDouble).contiguous();
  const auto* from = values.const_data_ptr<double>();
  return {from, from + values.numel()};
}

Cells map_of(const at::Tensor& logits, const Picture& picture) {  // [h', w']
  if (logits.size(0) == picture.height && logits.size(1) == picture.width) return cells_of(logits);
  return cells_of(bilinear(logits, picture.height, picture.width, /*align_corners=*/false));
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

/// The response on the grid, by way of the picture's side unless that is 0.
Cells response_on_grid(const at::Tensor& logits, const at::Tensor& norm, const Picture& picture,
                       std::int64_t side) {
  if (side == 0) return response(map_of(logits, picture), map_of(norm, picture));
  const auto large = [side](const at::Tensor& map) {
    return cells_of(bilinear(map, side, side, /*align_corners=*/false));
  };
  Cells positive = response(large(logits), large(norm));
  for (double& v : positive) v = std::max(0.0, v - 1e-5);
  const at::Tensor map = torch::tensor(positive, torch::kDouble).view({side, side});
  return cells_of(bilinear(map, picture.height, picture.width, /*align_corners=*/true));
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

/// arg-max without padding; of ties the smallest, then the first, or the first at once.
std::size_t winner(const Cells& values, const std::vector<Mask>& proposals,
                   config::Choice<config::ScoreTie> tie = "smallest") {
  std::size_t best = proposals.size();
  for (std::size_t p = 0; p < proposals.size(); ++p) {
    if (area(proposals[p]) == 0) continue;
    if (best == proposals.size() || values[p] > values[best] ||
        (tie == "smallest" && values[p] == values[best] &&
         area(proposals[p]) < area(proposals[best]))) {
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
  bool meets = false;  // whether the map is positive anywhere in the foreground
};

Overlaps overlaps_of(const losses::StageMaps& at, const losses::StageMaps& fixed, std::int64_t b,
                     std::int64_t n, const config::RegionAwareShrinkingOptions& options) {
  const Picture picture = picture_of(at.proposals[b]);
  const at::Tensor logits = at.logits[b][n];
  const Cells map = response_on_grid(logits, options.detach_maximum ? fixed.logits[b][n] : logits,
                                     picture, at.image_side);
  Cells by = scores(map, picture.proposals, options.scores);
  if (options.foreground == "clip_score") {
    for (std::size_t p = 0; p < by.size(); ++p) {
      by[p] = at.clip_scores[b][static_cast<std::int64_t>(p)].item<double>();
    }
  }
  const std::size_t target = winner(by, picture.proposals);
  bool meets = false;
  for (std::size_t c = 0; c < map.size(); ++c) {
    meets = meets || (picture.proposals[target][c] && map[c] > 1e-9);
  }
  return {overlap(map, picture.proposals[target], options.iou),
          background(map, picture, target, options), meets};
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

/// @param padding counts, too, with the score that it has, 0
Cells softmax(const Cells& values, const std::vector<Mask>& proposals, bool padding = false) {
  double total = 0;
  for (std::size_t p = 0; p < values.size(); ++p) {
    if (padding || area(proposals[p]) > 0) total += std::exp(values[p]);
  }
  Cells out;
  for (std::size_t p = 0; p < values.size(); ++p) {
    out.push_back(padding || area(proposals[p]) > 0 ? std::exp(values[p]) / total : 0.0);
  }
  return out;
}

/// Eq. 8: the one-hot and sg(S) from `still`, S from `logits`.
Cells index_vector(const at::Tensor& logits, const at::Tensor& still, const Picture& picture,
                   std::int64_t side, const config::InstanceDisambiguationOptions& options) {
  const auto seen = [&](const at::Tensor& map) {
    if (options.maps == "logits") return map_of(map, picture);
    return response_on_grid(map, options.detach_maximum ? still : map, picture, side);
  };
  std::vector<Mask> wide;
  for (const Mask& mask : picture.proposals) wide.push_back(grown(mask, picture, options.dilation));
  const auto surrogate = [&](const at::Tensor& map) {
    const Cells s = scores(seen(map), wide, options.scores);
    const bool soft = options.straight_through == "softmax" || options.gradient == "softmax";
    return soft ? softmax(s, picture.proposals, options.softmax_padding) : s;
  };
  const Cells now = surrogate(logits);
  const Cells held = surrogate(still);
  Cells y(now.size(), 0.0);
  y[winner(scores(seen(still), picture.proposals, options.scores), picture.proposals,
           options.tie)] = 1;
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
        sum += value(at.own[b][n], fixed.own[b][n], at.partner[b][n][d], fixed.partner[b][n][d],
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
  const bool all = options.foreground_mean == "all";
  Shrinking sum;
  int pictures = 0;
  std::vector<double> overlap_of_stage(static_cast<std::size_t>(stages), 0.0);
  std::vector<int> meeting(static_cast<std::size_t>(stages), 0);
  for (std::int64_t b = 0; b < at.logits.size(0); ++b) {
    if (!has_any(picture_of(at.proposals[b]))) continue;
    ++pictures;
    for (std::int64_t n = 0; n < stages; ++n) {
      const Overlaps here = overlaps_of(at, fixed, b, n, options);
      sum.foreground += (1 - here.foreground) / static_cast<double>(stages);
      if (here.meets) {
        overlap_of_stage[static_cast<std::size_t>(n)] += here.foreground;
        ++meeting[static_cast<std::size_t>(n)];
      }
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
  double meeting_overlap = 0;
  for (std::size_t n = 0; n < meeting.size(); ++n) {
    meeting_overlap += overlap_of_stage[n] / (meeting[n] + 1e-4) / static_cast<double>(stages);
  }
  if (!all) sum.foreground = (1 - meeting_overlap) * std::max(pictures, 1);
  return {sum.shrinking / std::max(pictures, 1), sum.foreground / std::max(pictures, 1)};
}

double instance_disambiguation(const losses::TextPairs& at, const losses::TextPairs& fixed,
                               const config::InstanceDisambiguationOptions& options) {
  return mean_of_pairs(
      at, fixed, options.stages,
      [&](const at::Tensor& own, const at::Tensor& own_fixed, const at::Tensor& partner,
          const at::Tensor& partner_fixed, const Picture& picture) {
        const auto y = [&](const at::Tensor& map, const at::Tensor& still) {
          return index_vector(map, still, picture, at.image_side, options);
        };
        return pair_value(y(own, own_fixed), y(partner, partner_fixed), options);
      });
}

double kl_divergence(const losses::TextPairs& at, const losses::TextPairs& fixed,
                     const config::KlDivergenceOptions& options) {
  return mean_of_pairs(
      at, fixed, options.stages,
      [&](const at::Tensor& own, const at::Tensor& own_fixed, const at::Tensor& partner,
          const at::Tensor& partner_fixed, const Picture& picture) {
        const auto& masks = picture.proposals;
        const auto shares = [&](const at::Tensor& map, const at::Tensor& still) {
          const Cells seen = response_on_grid(map, still, picture, at.image_side);
          return softmax(scores(seen, masks, options.scores), masks);
        };
        const Cells a = shares(own, own_fixed);
        const Cells d = shares(partner, partner_fixed);
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
  return options.own * own + (count > 0 ? options.negatives * other / count : 0);
}

}  // namespace pcnet::support::naive
