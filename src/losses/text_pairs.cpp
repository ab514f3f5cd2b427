#include "pcnet/losses/text_pairs.h"

#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/losses/proposal_scores.h"

namespace pcnet::losses {

namespace {

void check(const TextPairs& pairs) {
  if (!pairs.own.defined() || !pairs.partner.defined() || !pairs.has_partner.defined()) {
    throw core::Error("text pairs: got no maps of partners; set data.partners to 1 or more");
  }
  const auto own = pairs.own.sizes();
  const auto partner = pairs.partner.sizes();
  if (own.size() != 4 || partner.size() != 5 ||
      partner.slice(/*N=*/0, /*M=*/2) != own.slice(0, 2) ||
      partner.slice(/*N=*/3) != own.slice(/*N=*/2) ||
      pairs.has_partner.sizes() != at::IntArrayRef{partner[0], partner[2]}) {
    throw core::Error(core::cat("text pairs: got own maps ", own, ", partner maps ", partner,
                                " and has_partner ", pairs.has_partner.sizes(),
                                ", wanted [B, N, h, w], [B, N, D, h, w] and [B, D]"));
  }
}

}  // namespace

at::Tensor maps_of_pairs(const TextPairs& pairs, config::TermStages stages) {
  check(pairs);
  const at::Tensor texts =
      at::cat({pairs.own.unsqueeze(/*dim=*/2), pairs.partner}, /*dim=*/2);  // [B, N, 1 + D, h, w]
  const std::int64_t first = stages == config::TermStages::kAll ? 0 : texts.size(1) - 1;
  return texts.slice(/*dim=*/1, first).flatten(1, 2);
}

PairRows rows_of_pairs(const at::Tensor& rows, const TextPairs& pairs) {
  const std::int64_t partners = pairs.partner.size(2);
  const at::Tensor texts = rows.unflatten(/*dim=*/1, {rows.size(1) / (1 + partners), 1 + partners});
  return {.own = texts.narrow(/*dim=*/2, /*start=*/0, /*length=*/1),
          .partner = texts.narrow(/*dim=*/2, /*start=*/1, partners)};
}

at::Tensor mean_of_pairs(const at::Tensor& values, const TextPairs& pairs) {
  const at::Tensor any =
      real_proposals(pairs.proposals).any(/*dim=*/1, /*keepdim=*/true);  // [B, 1]
  const at::Tensor real = pairs.has_partner.logical_and(any);            // [B, D]
  return mean_where(pairs.share.together(values), pairs.share.together(real).unsqueeze(/*dim=*/1));
}

}  // namespace pcnet::losses
