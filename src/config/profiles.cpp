#include "pcnet/config/profiles.h"

namespace pcnet::config {

namespace {

/// Cls and the calibration, without RaS and IaD.
void set_terms_of_tris(LossOptions& loss) {
  loss.classification.weight = 5;
  loss.region_aware_shrinking.weight = 0;
  loss.instance_disambiguation.weight = 0;
  loss.calibration.weight = 1;
  loss.calibration.negatives = 2;
  loss.calibration.mask = "sigmoid";
}

void set_released(Config& config) {
  config.data.image_size = 384;
  config.data.truncate = "cut";
  config.train.epochs = 30;
  config.train.batch_size = 1;
  config.eval.map_resize = "released";
  config.eval.sentences = "first";
  config.eval.ground_truth = "exclusive";
  config.loss.grid = 32;
  config.loss.map_resize = "released";
  config.loss.proposal_resize = "nearest";
  set_terms_of_tris(config.loss);
  config.loss.calibration.own = 0;
  config.loss.calibration.stages = "all";
  auto& shrinking = config.loss.region_aware_shrinking;
  shrinking.foreground = "clip_score";
  shrinking.background = "strongest";
  shrinking.iou = "sum";
  shrinking.form = "released";
  shrinking.foreground_mean = "meeting";
  shrinking.detach_previous = false;
  auto& disambiguation = config.loss.instance_disambiguation;
  disambiguation.tie = "first";
  disambiguation.straight_through = "softmax";
  disambiguation.softmax_padding = true;
  disambiguation.detach_maximum = false;
  disambiguation.distance = "half_l1";
  config.model.stages = 1;
  config.model.referring = {.modules = 4,
                            .context = "shared",
                            .partner_context = true,
                            .context_keys = "reshaped",
                            .cue_residual = false,
                            .stage_cue = "sentence_last",
                            .unit_inputs = true,
                            .projections = "shared",
                            .response_text = "vision_updated",
                            .response = "inner_product"};
}

void set_tris(Config& config) {
  config.model.fusion = "attn_fusion";
  config.model.stages = 1;
  config.data.truncate = "cut";
  config.data.partners = 3;  // the negative texts of the calibration
  config.train.batch_size = 48;
  config.eval.map_resize = "released";
  config.eval.ground_truth = "exclusive";
  set_terms_of_tris(config.loss);
}

void set_improved(Config& config) {
  config.model.position_channels = true;
  config.eval.align_corners = false;
  auto& disambiguation = config.loss.instance_disambiguation;
  disambiguation.weight = 0.5;
  disambiguation.ramp = 0.2;
  disambiguation.maps = "logits";
  disambiguation.dilation = 1;
  disambiguation.gradient = "softmax";
  config.model.referring = {.context = "pair",
                            .residual_scale = 0.3,
                            .scaled_inputs = true,
                            .unit_inputs = true,
                            .visual_update = "off"};
}

}  // namespace

Config profile_values(Choice<Profile> profile) {
  Config config;
  switch (profile) {
    case Profile::kPaper:
      break;
    case Profile::kReleased:
      set_released(config);
      break;
    case Profile::kTris:
      set_tris(config);
      break;
    case Profile::kImproved:
      set_improved(config);
      break;
  }
  config.model.profile = profile;
  return config;
}

}  // namespace pcnet::config
