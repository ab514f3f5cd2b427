#pragma once

#include <cstdint>

#include "pcnet/config/field.h"
#include "pcnet/config/loss_choices.h"

namespace pcnet::config {

/// IaD: instance-aware disambiguation (Eq. 8-9). The defaults are the paper's; IaD*
/// (docs/method.md#the-profile-improved) is `weight` 0.5, `ramp` 0.2, `maps` logits, `dilation` 1
/// and `gradient` softmax.
struct InstanceDisambiguationOptions {
  double weight = 1.0;
  double ramp = 0.0;
  Choice<ScoredMaps> maps = "response";
  bool detach_maximum = true;
  Choice<ProposalScore> scores = "max";
  std::int64_t dilation = 0;
  Choice<ScoreTie> tie = "smallest";
  Choice<Surrogate> straight_through = "scores";
  bool softmax_padding = false;
  Choice<AgreementGradient> gradient = "squared_difference";
  Choice<IndexDistance> distance = "squared_l2";
  Choice<TermStages> stages = "all";

  template <class Visitor>
  static void fields(Visitor&& field) {
    using O = InstanceDisambiguationOptions;
    field("weight", &O::weight,
          {.help = "factor of the term", .source = "docs/method.md#total", .min = 0});
    field("ramp", &O::ramp,
          {.help = "share of the steps over which the factor grows from 0; 0: whole at once",
           .source = "docs/method.md#the-profile-improved",
           .min = 0,
           .max = 1});
    field("maps", &O::maps,
          {.help = "what is scored: the response of Eq. 4, or the logits before ReLU and Norm",
           .source = "Eq. 8; docs/method.md#the-profile-improved"});
    field("detach_maximum", &O::detach_maximum,
          {.help = "no gradient through the maximum that Norm divides by; with one, the winning "
                   "score of a response is 1 whatever the network does",
           .source = "docs/method.md#instance-aware-disambiguation"});
    field("scores", &O::scores,
          {.help = "score of a proposal: maximum or mean of the map over it",
           .source = "Eq. 5, Table 8"});
    field("dilation", &O::dilation,
          {.help = "how far a proposal is grown for the surrogate; the one-hot takes it as it is",
           .unit = "cells",
           .source = "docs/method.md#the-profile-improved",
           .min = 0,
           .max = 1});
    field("straight_through", &O::straight_through,
          {.help = "surrogate of the arg-max: the scores, or their softmax (the released code)",
           .source = "Eq. 8; docs/method.md#paper-released-code-tris"});
    field("tie", &O::tie,
          {.help = "which of the proposals of equal score a text chooses: the smallest, or the "
                   "first of the list (the released code)",
           .source = "docs/method.md#agreement-with-the-authors-training-step"});
    field("softmax_padding", &O::softmax_padding,
          {.help = "a softmax of the scores counts the empty planes that fill the list up, too, "
                   "each with score 0 (the released code)",
           .source = "docs/method.md#agreement-with-the-authors-training-step"});
    field("gradient", &O::gradient,
          {.help = "how the same value is written: squared_difference is Eq. 9, without a gradient "
                   "where both texts choose one proposal; inner_product has one there; softmax: "
                   "inner_product with the softmax as surrogate (IaD*)",
           .source = "Eq. 9; docs/method.md#instance-aware-disambiguation"});
    field("distance", &O::distance,
          {.help = "distance of two index vectors: squared L2, or half of L1 (the released code)",
           .source = "Eq. 9; docs/method.md#paper-released-code-tris"});
    field("stages", &O::stages, {.help = "stages on which the term acts", .source = "Eq. 9"});
  }
};

}  // namespace pcnet::config
