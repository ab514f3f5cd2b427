#include "pcnet/config/model_options.h"

namespace pcnet::config {

std::int64_t answering_stages(const ModelOptions& model) {
  return model.fusion == "crm" ? model.stages : 1;
}

std::int64_t cues_read(const ModelOptions& model) {
  if (model.fusion != "crm") return 0;
  return model.referring.stage_cue == "sentence_last" ? model.stages - 1 : model.stages;
}

bool looks_at_partners(const ModelOptions& model) {
  const auto& context = model.referring.context;
  return model.fusion == "crm" && model.referring.partner_context &&
         (context == "batch" || context == "shared");
}

}  // namespace pcnet::config
