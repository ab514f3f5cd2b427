#include "pcnet/config/profiles.h"

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::config {

namespace {

void set_paper(Config& config) {
  config.data.partners = 1;
  config.loss.region_aware_shrinking.weight = 1;
  config.loss.instance_disambiguation.weight = 1;
}

void set_released(Config& config) {
  config.data.image_size = 384;
  config.data.truncate = "cut";
  config.data.partners = 1;  // the negative text of the calibration
  config.train.epochs = 30;
  config.train.batch_size = 1;
  config.eval.map_resize = "released";
  config.eval.sentences = "first";
  config.eval.ground_truth = "exclusive";
  config.loss.grid = 32;
  config.loss.proposal_resize = "nearest";
  config.loss.classification.weight = 5;
  config.loss.calibration.weight = 2;
  config.loss.calibration.negatives = 0.5;  // a factor of 1 beside that of 2
  config.loss.calibration.mask = "sigmoid";
  auto& shrinking = config.loss.region_aware_shrinking;
  shrinking.foreground = "clip_score";
  shrinking.background = "strongest";
  shrinking.iou = "sum";
  shrinking.form = "released";
  auto& disambiguation = config.loss.instance_disambiguation;
  disambiguation.straight_through = "softmax";
  disambiguation.distance = "half_l1";
}

void set_improved(Config& config) {
  set_paper(config);
  config.eval.align_corners = false;
  auto& disambiguation = config.loss.instance_disambiguation;
  disambiguation.weight = 0.5;
  disambiguation.ramp = 0.2;
  disambiguation.maps = "logits";
  disambiguation.dilation = 1;
  disambiguation.gradient = "softmax";
}

}  // namespace

std::vector<std::string> profiles() { return {"paper", "released", "tris", "improved"}; }

Config profile_values(const std::string& name) {
  Config config;
  if (name == "tris") return config;
  if (name == "paper") {
    set_paper(config);
  } else if (name == "released") {
    set_released(config);
  } else if (name == "improved") {
    set_improved(config);
  } else {
    throw core::UsageError(
        core::cat("there is no profile \"", name, "\": wanted ", core::join(profiles(), ", ")));
  }
  config.model.profile = name;
  config.model.referring = referring_profile(name);
  return config;
}

}  // namespace pcnet::config
