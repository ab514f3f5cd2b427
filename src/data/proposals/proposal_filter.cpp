#include "pcnet/data/proposals/proposal_filter.h"

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

#include "pcnet/core/format.h"

#include "proposal_choice.h"

namespace pcnet::data {

namespace {

struct Candidate {
  std::size_t position;
  std::int64_t area;
  double quality;  // its predicted IoU or score
  std::array<std::int64_t, 4> box;
};

bool boxes_meet(const std::array<std::int64_t, 4>& a, const std::array<std::int64_t, 4>& b) {
  return a[0] < b[0] + b[2] && b[0] < a[0] + a[2] && a[1] < b[1] + b[3] && b[1] < a[1] + a[3];
}

std::vector<Candidate> good_ones(const std::vector<ScoredProposal>& proposals,
                                 const config::ProposalFilterOptions& options) {
  std::vector<Candidate> good;
  for (std::size_t i = 0; i < proposals.size(); ++i) {
    const ScoredProposal& proposal = proposals[i];
    if (proposal.predicted_iou && *proposal.predicted_iou < options.predicted_iou) continue;
    if (proposal.score && *proposal.score < options.score) continue;
    if (proposal.stability && *proposal.stability < options.stability) continue;
    const std::int64_t area = image::area(proposal.mask);
    if (area == 0 || area < options.min_area) continue;
    const double quality = proposal.predicted_iou.value_or(proposal.score.value_or(0));
    good.push_back({i, area, quality, image::bounding_box(proposal.mask)});
  }
  return good;
}

}  // namespace

std::vector<std::size_t> filter_proposals(const std::vector<ScoredProposal>& proposals,
                                          const config::ProposalFilterOptions& options) {
  std::vector<Candidate> left = good_ones(proposals, options);
  std::stable_sort(left.begin(), left.end(), [](const Candidate& a, const Candidate& b) {
    return a.area != b.area ? a.area > b.area : a.quality > b.quality;
  });
  std::vector<Candidate> kept;
  for (const Candidate& candidate : left) {
    if (static_cast<std::int64_t>(kept.size()) == options.most) break;
    const bool known = std::any_of(kept.begin(), kept.end(), [&](const Candidate& other) {
      if (!boxes_meet(candidate.box, other.box)) return false;
      const std::int64_t both =
          image::intersection(proposals[candidate.position].mask, proposals[other.position].mask);
      const std::int64_t either = candidate.area + other.area - both;
      return static_cast<double>(both) > options.overlap * static_cast<double>(either);
    });
    if (!known) kept.push_back(candidate);
  }
  std::vector<std::size_t> positions;
  for (const Candidate& candidate : kept) positions.push_back(candidate.position);
  return positions;
}

std::vector<ScoredProposal> unscored(std::vector<image::Rle> masks) {
  std::vector<ScoredProposal> proposals;
  for (auto& mask : masks) proposals.push_back({std::move(mask)});
  return proposals;
}

std::vector<ScoredProposal> chosen(std::vector<ScoredProposal> proposals,
                                   const config::ProposalFilterOptions& options) {
  if (options.apply == "none") return proposals;
  std::vector<ScoredProposal> left;
  for (const std::size_t i : filter_proposals(proposals, options)) {
    left.push_back(std::move(proposals[i]));
  }
  return left;
}

std::map<std::string, std::string> settings_of(const config::ProposalFilterOptions& options) {
  std::map<std::string, std::string> settings;
  config::ProposalFilterOptions::fields(
      [&](const char* name, auto member, const config::FieldInfo& /*info*/) {
        const auto& value = options.*member;
        if constexpr (config::IsChoice<std::remove_cvref_t<decltype(value)>>) {
          settings.emplace(name, value.word());
        } else {
          settings.emplace(name, core::cat(value));
        }
      });
  return settings;
}

}  // namespace pcnet::data
