#include "pcnet/config/referring_options.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::config {

namespace {

ReferringOptions released() {
  return {.stages = 1,
          .modules = 4,
          .context = "shared",
          .cue_residual = false,
          .stage_cue = "sentence_last",
          .unit_inputs = true,
          .projections = "shared",
          .response_text = "vision_updated",
          .response = "inner_product"};
}

ReferringOptions improved() {
  return {.context = "pair",
          .modulation = "vta_tta_add",
          .cue_scale = 0.3,
          .residual_scale = 0.3,
          .scaled_inputs = true,
          .unit_inputs = true,
          .visual_update = "off"};
}

}  // namespace

std::vector<std::string> referring_profiles() { return {"paper", "released", "improved"}; }

ReferringOptions referring_profile(const std::string& name) {
  if (name == "paper") return {};
  if (name == "released") return released();
  if (name == "improved") return improved();
  throw core::UsageError(
      core::cat("there is no profile \"", name, "\": wanted paper, released or improved"));
}

std::int64_t cues_read(const ReferringOptions& options) {
  return options.stage_cue == "sentence_last" ? options.stages - 1 : options.stages;
}

}  // namespace pcnet::config
