#pragma once

#include <cstdint>

#include "pcnet/config/field.h"
#include "pcnet/config/model_choices.h"

namespace pcnet::config {

/// The Conditional Referring Modules of PCNet (Sec. 3.2). The defaults are the paper's; every other
/// value is the released code's, an ablation's, or ours
/// (docs/method.md#conditional-referring-module; docs/method.md#paper-released-code-tris;
/// docs/method.md#the-profile-improved).
struct ReferringOptions {
  std::int64_t modules = 0;
  Choice<CueContext> context = "batch";
  bool partner_context = false;
  Choice<ContextKeys> context_keys = "transposed";
  Choice<Modulation> modulation = "vta_tta";
  bool cue_residual = true;
  double cue_scale = 1.0;
  Choice<StageCue> stage_cue = "cue_k";
  double residual_scale = 0.1;
  bool train_residual_scale = false;
  bool scaled_inputs = false;
  bool unit_inputs = false;
  Choice<Projections> projections = "per_attention";
  Choice<VisualUpdate> visual_update = "on";
  Choice<ResponseText> response_text = "updated";
  Choice<Similarity> response = "cosine";

  template <class Visitor>
  static void fields(Visitor&& field) {
    using O = ReferringOptions;
    field("modules", &O::modules,
          {.help = "modules that exist, used or not (released checkpoints hold 4); 0: one a stage",
           .source = "docs/method.md#paper-released-code-tris",
           .min = 0,
           .max = 64});
    context_fields(field);
    attention_fields(field);
    response_fields(field);
  }

 private:
  template <class Visitor>
  static void context_fields(Visitor&& field) {
    using O = ReferringOptions;
    field(
        "context", &O::context,
        {.help = "cues that a text looks at in training; batch: those of all samples, seen on its "
                 "own image; shared: the same, each seen on its own sample's image; own: its "
                 "own; pair: its own, anew for every image that it is scored on. At inference "
                 "always its own",
         .source = "Eq. 2; docs/method.md#paper-released-code-tris; "
                   "docs/method.md#the-profile-improved"});
    field("partner_context", &O::partner_context,
          {.help = "with context batch or shared, in training: texts look at the cues of all "
                   "partners of the batch too, and cells at their texts (the released code)",
           .source = "docs/method.md#agreement-with-the-authors-training-step"});
    field("context_keys", &O::context_keys,
          {.help = "keys and values of text-to-text attention in training: transposed, one for "
                   "each cue; or reshaped, which mixes the channels of different cues (the "
                   "released code; needs context shared and partner_context)",
           .source = "docs/method.md#agreement-with-the-authors-training-step"});
    field(
        "modulation", &O::modulation,
        {.help = "what a stage adds to a text; add: its cue; tta: text-to-text attention to cues; "
                 "vta_add: its cue after vision-to-text attention; vta_tta: text-to-text attention "
                 "to such cues; vta_tta_add: both of the last two",
         .source = "Eq. 2-3, Table 4; docs/method.md#the-profile-improved"});
    field("cue_residual", &O::cue_residual,
          {.help = "a cue is added to what it saw in the image; without, what it saw replaces it",
           .source = "Eq. 2"});
    field("cue_scale", &O::cue_scale,
          {.help = "factor of a cue that add, vta_add or vta_tta_add adds to a text",
           .source = "Table 4",
           .min = 0,
           .max = 100});
    field("stage_cue", &O::stage_cue,
          {.help = "cue_k: stage n takes cue n; sentence_last: the last one takes the sentence; "
                   "progressive: so too, and the text begins as the first cue, not as the sentence",
           .source = "Sec. 3.2; docs/method.md#conditional-referring-module; "
                     "docs/refsynth_results.md#the-long-language"});
  }

  template <class Visitor>
  static void attention_fields(Visitor&& field) {
    using O = ReferringOptions;
    field("residual_scale", &O::residual_scale,
          {.help = "factor of what an attention gives, before it is added",
           .source = "docs/method.md#conditional-referring-module",
           .min = 0,
           .max = 100});
    field("train_residual_scale", &O::train_residual_scale,
          {.help = "train that factor, one for each stage",
           .source = "docs/method.md#conditional-referring-module"});
    field("scaled_inputs", &O::scaled_inputs,
          {.help = "multiply what goes into an attention by the square root of the width: features "
                   "of unit length are small beside a projection's bias",
           .source = "docs/method.md#the-profile-improved"});
    field("unit_inputs", &O::unit_inputs,
          {.help = "bring cells and texts back to unit length at the entry of each stage, and the "
                   "updated texts before the response",
           .source = "docs/released_forward.md#pcnet"});
    field("projections", &O::projections,
          {.help = "per_attention: each attention has its own; shared: a stage's have one set",
           .source = "Eq. 2-3; docs/method.md#paper-released-code-tris"});
  }

  template <class Visitor>
  static void response_fields(Visitor&& field) {
    using O = ReferringOptions;
    field("visual_update", &O::visual_update,
          {.help = "whether the cells look at the updated texts; gated: with a trained factor that "
                   "starts at 0 in place of residual_scale",
           .source = "Eq. 4; docs/method.md#conditional-referring-module"});
    field("response_text", &O::response_text,
          {.help = "the text that is compared with the cells; vision_updated: after one more look "
                   "at the image, for this stage's response alone",
           .source = "Eq. 4; docs/released_forward.md#pcnet"});
    field("response", &O::response,
          {.help = "how it is compared; inner_product: updated cells and texts as they are",
           .source = "Eq. 4; docs/method.md#conditional-referring-module; "
                     "docs/method.md#paper-released-code-tris"});
  }
};

}  // namespace pcnet::config
