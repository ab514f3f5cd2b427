#pragma once

#include <vector>

#include "pcnet/data/sources/dataset.h"
#include "pcnet/engine/proposal_scorer.h"
#include "pcnet/engine/responder.h"

namespace pcnet::engine {

/// Answers with the stored proposal that CLIP alone scores best (docs/method.md#clip-alone). Its
/// map is that proposal's mask, its interior point a little above the rest: that is the peak, and
/// the mask, at any threshold below 1, is the proposal. Of equal scores the first wins; a picture
/// without proposals has maps of zeros. Asked about pictures of one dataset.
class ProposalResponder : public Responder {
 public:
  /// `dataset` must outlive it. Error when it has no proposals.
  ProposalResponder(data::Dataset& dataset, ProposalScorer scorer)
      : dataset_(dataset), proposals_(dataset.proposals()), scorer_(std::move(scorer)) {}
  std::vector<at::Tensor> respond(std::span<const Query> queries) override;
  text::Tokens tokens_of(const std::string& text) const override { return scorer_.tokens_of(text); }

 private:
  at::Tensor answer(const Query& query);

  data::Dataset& dataset_;
  const data::ProposalStore& proposals_;
  ProposalScorer scorer_;
};

}  // namespace pcnet::engine
