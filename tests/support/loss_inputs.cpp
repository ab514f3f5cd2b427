#include "support/loss_inputs.h"

#include <torch/torch.h>

#include "pcnet/core/random.h"

namespace pcnet::support {

namespace {

at::Tensor random_maps(at::IntArrayRef shape, std::uint64_t seed) {
  torch::manual_seed(seed);
  return torch::randn(shape, torch::kDouble) * 2 + 0.5;
}

}  // namespace

at::Tensor random_proposals(const LossSizes& sizes) {
  core::Rng rng(5);
  const auto below = [&rng](std::int64_t n) {
    return static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(n)));
  };
  at::Tensor proposals =
      torch::zeros({sizes.pictures, sizes.proposals, sizes.height, sizes.width}, torch::kUInt8);
  for (std::int64_t b = 0; b < sizes.pictures; ++b) {
    if (b == 1 && sizes.pictures > 2) continue;
    for (std::int64_t p = 0; p + 1 < sizes.proposals; ++p) {
      const std::int64_t top = below(sizes.height);
      const std::int64_t left = below(sizes.width);
      const std::int64_t bottom = top + 1 + below(sizes.height - top);
      const std::int64_t right = left + 1 + below(sizes.width - left);
      proposals[b][p].slice(/*dim=*/0, top, bottom).slice(/*dim=*/1, left, right).fill_(1);
    }
  }
  return proposals;
}

losses::StageMaps random_stage_maps(const LossSizes& sizes, std::uint64_t seed) {
  losses::StageMaps maps;
  maps.logits = random_maps({sizes.pictures, sizes.stages, sizes.height, sizes.width}, seed);
  maps.proposals = random_proposals(sizes);
  maps.clip_scores = torch::rand({sizes.pictures, sizes.proposals}, torch::kDouble);
  maps.draw = 0.7;
  return maps;
}

losses::TextPairs random_text_pairs(const LossSizes& sizes, std::uint64_t seed) {
  losses::TextPairs pairs;
  pairs.own = random_maps({sizes.pictures, sizes.stages, sizes.height, sizes.width}, seed);
  pairs.partner = random_maps(
      {sizes.pictures, sizes.stages, sizes.partners, sizes.height, sizes.width}, seed + 1);
  pairs.has_partner = torch::ones({sizes.pictures, sizes.partners}, torch::kBool);
  if (sizes.partners > 1) pairs.has_partner[0][sizes.partners - 1] = false;
  pairs.proposals = random_proposals(sizes);
  return pairs;
}

losses::CalibrationScores random_calibration(std::uint64_t seed) {
  torch::manual_seed(seed);
  return {.own = torch::rand({3}, torch::kDouble) * 0.8 + 0.1,
          .negative = torch::rand({3, 2}, torch::kDouble) * 0.8 + 0.1,
          .has_negative = torch::tensor({{1, 1}, {1, 0}, {0, 0}}).to(torch::kBool)};
}

at::Tensor row_proposals(std::int64_t width, const std::vector<std::vector<std::int64_t>>& cells) {
  at::Tensor proposals =
      torch::zeros({1, static_cast<std::int64_t>(cells.size()), 1, width}, torch::kUInt8);
  for (std::size_t p = 0; p < cells.size(); ++p) {
    for (const std::int64_t cell : cells[p]) {
      proposals[0][static_cast<std::int64_t>(p)][0][cell] = 1;
    }
  }
  return proposals;
}

}  // namespace pcnet::support
