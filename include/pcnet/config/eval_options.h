#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pcnet/config/eval_choices.h"
#include "pcnet/config/field.h"
#include "pcnet/config/sam_segmentor_options.h"

namespace pcnet::config {

struct EvalOptions {
  std::vector<std::string> splits = {"val"};
  Choice<EvalMethod> method = "model";
  double global_weight = -1;  // below 0: by the dataset
  std::int64_t batch_size = 32;
  Choice<EvalPrecision> precision = "fp32";
  double threshold = 1e-9;
  bool align_corners = true;
  Choice<MapResize> map_resize = "once";
  Choice<Segmentor> segmentor = "none";
  Choice<ProposalTie> proposal_tie = "smallest";
  Choice<GroundTruth> ground_truth = "union";
  Choice<EvaluatedSentences> sentences = "all";
  std::int64_t samples = 12;
  SamSegmentorOptions sam;

  template <class Visitor>
  static void fields(Visitor&& field) {
    using O = EvalOptions;
    field("splits", &O::splits, {.help = "splits evaluated; training validates on the first"});
    field(
        "method", &O::method,
        {.help = "what answers: the trained model; or CLIP alone, which takes the stored proposal "
                 "that it scores best by its crop, or by its crop and its place in the image, or "
                 "compares its cells with the sentence",
         .source = "docs/method.md#clip-alone",
         .affects = Affects::kAnswers});
    field("global_weight", &O::global_weight,
          {.help = "of method clip-global-local: weight of a proposal's place in the whole image, "
                   "its crop has the rest; -1: 0.85 for refcocog, 0.95 for other datasets",
           .source = "docs/method.md#clip-alone",
           .min = -1,
           .max = 1,
           .affects = Affects::kAnswers});
    field("batch_size", &O::batch_size,
          {.help = "images encoded at once", .unit = "images", .min = 1});
    field(
        "precision", &O::precision,
        {.help = "arithmetic of the model's products and convolutions: bf16 on a processor that "
                 "has it (avx512_bf16) or a GPU, fp16 on a GPU; by how much the first maps differ "
                 "from fp32's is printed",
         .affects = Affects::kAnswers});
    field("threshold", &O::threshold,
          {.help = "the mask is where the map, divided by its maximum, is above this",
           .source = "docs/method.md#evaluation",
           .min = 0,
           .max = 1});
    field("align_corners", &O::align_corners,
          {.help = "how the map is resized to the image: corners on corners, or cells over pixels",
           .source = "docs/method.md#evaluation; docs/method.md#the-profile-improved"});
    field("map_resize", &O::map_resize,
          {.help = "once: the map goes from the grid to the image; released: by the square of "
                   "data.image_size, with the positive part taken there, whatever align_corners",
           .source = "docs/method.md#paper-released-code-tris"});
    field("segmentor", &O::segmentor,
          {.help = "where the mask comes from: the map; the proposal with the highest response; "
                   "Segment Anything, asked about the peak; or, by ground truth, the best "
                   "proposal, Segment Anything asked about the object, its best mask at the peak",
           .source = "docs/method.md#segmentors",
           .affects = Affects::kAnswers});
    field("proposal_tie", &O::proposal_tie,
          {.help = "which of several proposals with the same response is taken",
           .source = "docs/method.md#segmentors",
           .affects = Affects::kAnswers});
    field("ground_truth", &O::ground_truth,
          {.help = "an object of several polygons: all their pixels, or, as in the released code, "
                   "those of exactly one",
           .source = "docs/method.md#paper-released-code-tris"});
    field(
        "sentences", &O::sentences,
        {.help = "sentences of an object that are evaluated: all, or its first (the released code)",
         .source = "docs/method.md#paper-released-code-tris"});
    field("samples", &O::samples,
          {.help = "images drawn into samples/ at each validation and after training",
           .unit = "images",
           .min = 0,
           .max = 200,
           .affects = Affects::kNothing});
    field("sam", &O::sam, {.help = "Segment Anything as a segmentor"});
  }
};

}  // namespace pcnet::config
