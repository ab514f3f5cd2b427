#include "pcnet/config/model_options.h"

#include <algorithm>

namespace pcnet::config {

std::int64_t answering_stages(const ModelOptions& model) {
  return model.fusion == "crm" ? model.stages : 1;
}

std::int64_t cues_read(const ModelOptions& model) {
  if (model.fusion != "crm") return 0;
  const auto& stage_cue = model.referring.stage_cue;
  if (stage_cue == "cue_k") return model.stages;
  return std::max<std::int64_t>(model.stages - 1, stage_cue == "progressive" ? 1 : 0);
}

bool looks_at_partners(const ModelOptions& model) {
  const auto& context = model.referring.context;
  return model.fusion == "crm" && model.referring.partner_context &&
         (context == "batch" || context == "shared");
}

}  // namespace pcnet::config
