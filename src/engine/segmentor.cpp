#include "pcnet/engine/segmentor.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "pcnet/core/wide_registers.h"
#include "pcnet/image/rle.h"

#include "sam_segmentor.h"

namespace pcnet::engine {

namespace {

PCNET_ALSO_AVX2 void mark_above(const float* map, std::size_t count, float bound,
                                std::uint8_t* mask) {
  for (std::size_t i = 0; i < count; ++i) mask[i] = map[i] > bound ? 1 : 0;
}

/// Where both are 1.
PCNET_ALSO_AVX2 std::int64_t sum_of_products(const std::uint8_t* a, const std::uint8_t* b,
                                             std::size_t count) {
  constexpr std::size_t kLanes = 32;  // side by side in a register, each up to 255
  std::int64_t sum = 0;
  std::size_t i = 0;
  while (i + kLanes <= count) {
    std::uint8_t lanes[kLanes] = {};
    for (int round = 0; round < 255 && i + kLanes <= count; ++round, i += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        lanes[lane] = static_cast<std::uint8_t>(lanes[lane] + (a[i + lane] & b[i + lane]));
      }
    }
    for (const std::uint8_t lane : lanes) sum += lane;
  }
  for (; i < count; ++i) sum += a[i] & b[i];
  return sum;
}

/// A segmentor that looks at one map after the other.
class MapSegmentor : public Segmentor {
 public:
  using SegmentOne = std::function<Segmentation(const AnsweredImage&, const AnsweredMap&)>;

  MapSegmentor(const config::EvalOptions& options, SegmentOne one)
      : options_(options), one_(std::move(one)) {}

  config::Choice<config::Segmentor> kind() const override { return options_.segmentor; }
  std::vector<Segmentation> segment(const AnsweredImage& image) override {
    std::vector<Segmentation> all;
    for (const auto& map : image.maps) all.push_back(one_(image, map));
    return all;
  }
  bool is_for_several_threads() const override { return true; }
  nlohmann::ordered_json protocol() const override {
    nlohmann::ordered_json protocol = {{"segmentor", kind().word()}};
    if (kind() == config::Segmentor::kProposal) {
      protocol["proposal_tie"] = options_.proposal_tie.word();
    }
    return protocol;
  }

 private:
  config::EvalOptions options_;
  SegmentOne one_;
};

/// An empty mask stands for no proposal.
Segmentation mask_of(const image::Mask* proposal, const AnsweredImage& image) {
  if (proposal != nullptr) return {.mask = *proposal};
  return {.mask = image::Mask(image.height, image.width), .no_proposal = true};
}

/// The highest value of the map in each proposal; below all values for one without pixels.
float highest_inside(const image::Mask& proposal, std::span<const float> map) {
  float highest = -std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < map.size(); ++i) {
    if (proposal.data[i] != 0 && map[i] > highest) highest = map[i];
  }
  return highest;
}

using Proposals = std::vector<const image::Mask*>;

/// The proposals that hold a maximum of the map.
Proposals holding_maximum(const std::vector<image::Mask>& proposals, const AnsweredMap& map) {
  std::vector<std::size_t> maxima;
  const auto highest = static_cast<float>(map.peak.score);
  for (std::size_t i = 0; i < map.values.size(); ++i) {
    if (map.values[i] == highest) maxima.push_back(i);
  }
  Proposals found;
  for (const auto& proposal : proposals) {
    const bool holds = std::any_of(maxima.begin(), maxima.end(),
                                   [&](std::size_t i) { return proposal.data[i] != 0; });
    if (holds) found.push_back(&proposal);
  }
  return found;
}

/// Of proposals that hold no maximum of the map, those with the highest response.
Proposals strongest(const std::vector<image::Mask>& proposals, const AnsweredMap& map) {
  Proposals found;
  float highest = std::numeric_limits<float>::lowest();
  for (const auto& proposal : proposals) {
    const float inside = highest_inside(proposal, map.values);
    if (inside < highest) continue;
    if (inside > highest) found.clear();
    highest = inside;
    found.push_back(&proposal);
  }
  return found;
}

Segmentation segment_by_proposal(const AnsweredImage& image, const AnsweredMap& map,
                                 config::ProposalTie tie) {
  const ProposalChoice choice = choose_proposal(image.proposals, map, tie);
  Segmentation answer = mask_of(choice.proposal, image);
  answer.off_proposals = !choice.holds_maximum;
  answer.tied = choice.tied;
  return answer;
}

}  // namespace

std::unique_ptr<Segmentor> make_segmentor(const config::EvalOptions& options, c10::Device device) {
  const auto by_map = [&](MapSegmentor::SegmentOne one) {
    return std::make_unique<MapSegmentor>(options, std::move(one));
  };
  switch (options.segmentor) {
    case config::Segmentor::kNone:
      break;
    case config::Segmentor::kProposal:
      return by_map([tie = options.proposal_tie](const auto& image, const auto& map) {
        return segment_by_proposal(image, map, tie);
      });
    case config::Segmentor::kOracleProposal:
      return by_map([](const auto& image, const auto& map) {
        return mask_of(best_proposal(image.proposals, *map.truth), image);
      });
    case config::Segmentor::kSam:
    case config::Segmentor::kOraclePoint:
    case config::Segmentor::kOracleBestOf3:
      return make_sam_segmentor(options, device);
  }
  return by_map([threshold = options.threshold](const auto& image, const auto& map) {
    return Segmentation{.mask = threshold_mask(map.values, image.height, image.width,
                                               static_cast<float>(map.peak.score), threshold)};
  });
}

std::vector<image::Mask> decode(const data::ProposalStore::Masks& proposals) {
  std::vector<image::Mask> masks;
  if (!proposals) return masks;
  for (const auto& rle : *proposals) masks.push_back(image::decode(rle));
  return masks;
}

image::Mask threshold_mask(std::span<const float> map, std::int64_t height, std::int64_t width,
                           float maximum, double threshold) {
  image::Mask mask(height, width);
  mark_above(map.data(), map.size(),
             static_cast<float>(threshold * (static_cast<double>(maximum) + 1e-5)),
             mask.data.data());
  return mask;
}

std::int64_t count(const image::Mask& mask) {
  return sum_of_products(mask.data.data(), mask.data.data(), mask.data.size());
}

std::int64_t count_both(const image::Mask& a, const image::Mask& b) {
  return sum_of_products(a.data.data(), b.data.data(), a.data.size());
}

double iou(const image::Mask& a, const image::Mask& b) {
  const std::int64_t both = count_both(a, b);
  const std::int64_t either = count(a) + count(b) - both;
  return either > 0 ? static_cast<double>(both) / static_cast<double>(either) : 0;
}

ProposalChoice choose_proposal(const std::vector<image::Mask>& proposals, const AnsweredMap& map,
                               config::ProposalTie tie) {
  Proposals found = holding_maximum(proposals, map);
  const bool holds_maximum = !found.empty();
  if (!holds_maximum) found = strongest(proposals, map);
  if (found.empty()) return {};
  const auto smaller = [](const auto* a, const auto* b) { return count(*a) < count(*b); };
  const auto larger = [](const auto* a, const auto* b) { return count(*a) > count(*b); };
  auto chosen = found.begin();
  if (tie == config::ProposalTie::kSmallest) {
    chosen = std::min_element(found.begin(), found.end(), smaller);
  } else if (tie == config::ProposalTie::kLargest) {
    chosen = std::min_element(found.begin(), found.end(), larger);
  }
  return {.proposal = *chosen, .holds_maximum = holds_maximum, .tied = found.size() > 1};
}

const image::Mask* best_proposal(const std::vector<image::Mask>& proposals,
                                 const image::Mask& truth) {
  const image::Mask* best = nullptr;
  double best_iou = -1;
  for (const auto& proposal : proposals) {
    const double found = iou(proposal, truth);
    if (found <= best_iou) continue;
    best_iou = found;
    best = &proposal;
  }
  return best;
}

}  // namespace pcnet::engine
