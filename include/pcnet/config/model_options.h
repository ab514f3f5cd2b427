#pragma once

#include <cstdint>
#include <string>

#include "pcnet/config/clip_options.h"
#include "pcnet/config/field.h"
#include "pcnet/config/model_choices.h"
#include "pcnet/config/referring_options.h"

namespace pcnet::config {

/// The referring model.
struct ModelOptions {
  Choice<Profile> profile = "paper";
  Choice<Fusion> fusion = "crm";
  std::int64_t stages = 3;          // N
  std::int64_t width = 1024;        // C, the common width
  double logit_scale = 1.0 / 0.07;  // the factor before any training, exp(logit_scale)
  bool train_logit_scale = false;
  bool position_channels = false;
  std::string init;  // empty: model.clip.weights, or random
  ReferringOptions referring;
  ClipOptions clip;

  template <class Visitor>
  static void fields(Visitor&& field) {
    using O = ModelOptions;
    field(
        "profile", &O::profile,
        {.help = "the method, and the defaults of every key in which methods differ; paper: as "
                 "printed; released: the authors' code; tris: the first stage of TRIS's code, the "
                 "baseline; improved: ours",
         .source = "docs/method.md#paper-released-code-tris; docs/method.md#the-profile-improved"});
    field("fusion", &O::fusion,
          {.help = "how texts and images meet; crm: conditional referring modules, one a stage; "
                   "attn_fusion: TRIS's one cross attention; none: not at all, the cosine of what "
                   "the encoders give is the response",
           .source = "Sec. 3.2; Table 2; docs/released_forward.md#tris"});
    field("stages", &O::stages,
          {.help = "stages N, one conditional referring module each (fusion crm)",
           .source = "Sec. 3, Table 3",
           .min = 1,
           .max = 64});
    field("width", &O::width,
          {.help = "common width C of image and text features",
           .unit = "channels",
           .source = "Sec. 3",
           .min = 1});
    field("logit_scale", &O::logit_scale,
          {.help = "factor of the cosine before any training",
           .source = "docs/method.md#conditional-referring-module",
           .min = 1e-3,
           .max = 1000});
    field("train_logit_scale", &O::train_logit_scale,
          {.help = "train the factor; it stays fixed in the paper",
           .source = "docs/method.md#conditional-referring-module"});
    field("position_channels", &O::position_channels,
          {.help = "add a projection of each cell's x and y to its feature, so that words such as "
                   "left have something to meet",
           .source = "docs/refsynth.md#position-words"});
    field("init", &O::init,
          {.help = "what a new run starts from as a whole, its logit scale too: a run of this "
                   "program, or a file of any format that holds TRIS, PCNet or CLIP with a ResNet; "
                   "all that has the same name is taken, what stays new is listed, and "
                   "model.clip.weights gives nothing then; not read when a run is resumed",
           .path = true});
    field("referring", &O::referring, {.help = "conditional referring modules (fusion crm)"});
    field("clip", &O::clip, {.help = "the encoders"});
  }
};

/// How many stages answer: N, or the one without conditional referring modules.
std::int64_t answering_stages(const ModelOptions& model);

/// How many cues of each expression they read.
std::int64_t cues_read(const ModelOptions& model);

/// Whether what a sample's text is compared with depends on its partners (partner_context).
bool looks_at_partners(const ModelOptions& model);

}  // namespace pcnet::config
