#pragma once

#include <cstdint>
#include <string>

#include "pcnet/config/data_choices.h"
#include "pcnet/config/field.h"
#include "pcnet/config/proposal_filter_options.h"

namespace pcnet::config {

/// The word for `data.cues` that asks for the built-in rules; a file of that name is "./rules".
inline constexpr const char* kCuesByRules = "rules";

/// Where the pictures and sentences are, and how they are fed.
struct DataOptions {
  std::string root;
  std::string dataset;
  std::string split_by;
  std::string images;
  std::string cues;
  std::string proposals;
  std::string clip_scores;
  std::string pack;
  Choice<Exif> exif = "auto";
  std::int64_t image_size = 320;
  std::int64_t text_length = 20;
  Choice<Truncation> truncate = "keep_end";
  std::int64_t cues_per_sentence = 5;
  std::int64_t partners = 1;
  Choice<Negatives> negatives = "any";
  Choice<PictureCache> cache = "memory";
  std::int64_t workers = 2;
  std::int64_t prefetch = 4;
  Choice<OnBadData> on_bad_image = "error";
  Choice<OnBadData> on_bad_annotation = "error";
  Choice<MissingCues> missing_cues = "error";
  ProposalFilterOptions proposal_filter;

  template <class Visitor>
  static void fields(Visitor&& field) {
    using O = DataOptions;
    field("root", &O::root, {.help = "dataset folder; its tree is recognised", .path = true});
    field("dataset", &O::dataset,
          {.help = "refcoco, refcoco+, refcocog, refsynth, or custom for an annotations.jsonl; "
                   "empty: the only one under the root",
           .packed = true});
    field("split_by", &O::split_by,
          {.help = "partition: unc, google or umd; empty: the only one of the dataset",
           .packed = true});
    field("images", &O::images,
          {.help = "folder of the images; empty: where the tree has it", .path = true});
    field("cues", &O::cues,
          {.help = "target-related cues: .jsonl file, the official folder of <ref_id>.json, or "
                   "`rules`, which makes them in memory; empty: cues.jsonl beside the annotations",
           .path = true});
    field(
        "proposals", &O::proposals,
        {.help = "mask proposals: .jsonl, FreeSOLO's .json or a list of COCO results, or a folder "
                 "of SAM's or the released code's files; empty: proposals.jsonl beside the "
                 "annotations",
         .path = true});
    field("clip_scores", &O::clip_scores,
          {.help = "CLIP's scores of the proposals, of `pcnet proposals score`, for the foreground "
                   "clip_score of region_aware_shrinking; empty: a frozen CLIP is asked in every "
                   "step",
           .source = "docs/formats.md#clip-scores",
           .path = true});
    field("pack", &O::pack,
          {.help = "packed cache that `pcnet data pack` made: everything is read from it, and "
                   "data.root, when it is given too, is only compared; empty: read from data.root",
           .path = true});
    field("exif", &O::exif,
          {.help = "images with an EXIF orientation: as stored, as COCO's masks are drawn, or "
                   "turned as viewers show them; auto: turned in custom data, stored elsewhere",
           .packed = true});
    field("image_size", &O::image_size,
          {.help = "images are resized to this square",
           .unit = "px",
           .source = "Sec. 4.1",
           .min = 32,
           .packed = true});
    field("text_length", &O::text_length,
          {.help = "tokens of a sentence, start and end included",
           .unit = "tokens",
           .source = "docs/method.md#encoders",
           .min = 3,
           .packed = true});
    field("truncate", &O::truncate,
          {.help = "how a longer sentence is cut: keep_end keeps the end token as the last one",
           .source = "docs/method.md#encoders",
           .packed = true});
    field("cues_per_sentence", &O::cues_per_sentence,
          {.help = "cues K fed with a sentence where the model reads cues; fewer are repeated",
           .unit = "texts",
           .source = "Sec. 3.1",
           .min = 1,
           .max = 64});
    field("partners", &O::partners,
          {.help = "sentences D of other objects of the image fed with a sample (N_d)",
           .unit = "texts",
           .source = "Table 5; docs/method.md#instance-aware-disambiguation",
           .min = 0,
           .max = 64});
    field("negatives", &O::negatives,
          {.help = "samples a batch may hold together: any, or only those of different objects, or "
                   "of different images, as far as the batches allow"});
    field("cache", &O::cache,
          {.help = "keep resized images in memory, or read them anew each time",
           .affects = Affects::kNothing});
    field("workers", &O::workers,
          {.help = "threads that make batches; 0: made by the training thread when asked for",
           .unit = "threads",
           .min = 0,
           .max = 64,
           .affects = Affects::kNothing});
    field("prefetch", &O::prefetch,
          {.help = "batches made ahead by the workers; 0: made when asked for",
           .unit = "batches",
           .min = 0,
           .max = 64,
           .affects = Affects::kNothing});
    field("on_bad_image", &O::on_bad_image,
          {.help = "an image that cannot be read stops the run, or is skipped and counted"});
    field("on_bad_annotation", &O::on_bad_annotation,
          {.help = "an object whose mask or box is broken stops the run, also one that needs no "
                   "masks, or goes on without them and is counted; evaluation leaves its sentences "
                   "out"});
    field("missing_cues", &O::missing_cues,
          {.help = "a training sentence without cues stops the run, or is its own cue; counted"});
    field("proposal_filter", &O::proposal_filter, {.help = "which proposals of an image are used"});
  }
};

}  // namespace pcnet::config
