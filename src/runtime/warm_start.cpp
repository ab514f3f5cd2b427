#include "warm_start.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/engine/checkpoint.h"
#include "pcnet/model/referring_model.h"
#include "pcnet/weight_tools/weight_names.h"
#include "pcnet/weights/state_dict.h"

namespace pcnet::runtime {

using core::cat;
using Json = nlohmann::ordered_json;

namespace {

using Tensors = std::map<std::string, at::Tensor>;

constexpr const char* kPositions = "position_project.weight";
constexpr const char* kScale = "logit_scale";

/// Parts of the encoders that a model may do without.
constexpr std::array<std::string_view, 2> kOptional = {"backbone.visual.attnpool.",
                                                       "backbone.logit_scale"};

/// The name that a tensor has in a model with other names for the projections.
std::string name_in(const Tensors& model, const std::string& name) {
  if (model.contains(name)) return name;
  static const std::pair<std::string, std::string> kNames[] = {
      {"vis_project.", "c4_vis_project."}, {"lan_project.", "global_lan_project."}};
  for (const auto& [tris, pcnet] : kNames) {
    if (name.starts_with(tris)) return pcnet + name.substr(tris.size());
    if (name.starts_with(pcnet)) return tris + name.substr(pcnet.size());
  }
  return name;
}

bool is_needed_encoder(const std::string& name) {
  return name.starts_with(weights::kBackbone) &&
         std::none_of(kOptional.begin(), kOptional.end(),
                      [&](const auto optional) { return name.starts_with(optional); });
}

/// "image encoder", "attn_fusion_vl.2", "c4_vis_project", …
std::string module_of(const std::string& name) {
  if (name == "backbone.logit_scale") return name;  // CLIP's own, beside the head's
  const std::string stages = "attn_fusion_vl.";
  if (name.starts_with(stages)) return name.substr(0, name.find('.', stages.size()));
  return weight_tools::part_of(name, weights::Layout::kPcnet);
}

/// Names by module, beside each how many of them the whole has.
Json by_module(const std::vector<std::string>& names, const Tensors& whole) {
  std::map<std::string, std::vector<std::string>> modules;
  for (const auto& name : names) modules[module_of(name)].push_back(name);
  Json rows = Json::array();
  for (const auto& row : modules) {
    const auto is_here = [&](const auto& item) { return module_of(item.first) == row.first; };
    rows.push_back({{"module", row.first},
                    {"tensors", row.second.size()},
                    {"of", std::count_if(whole.begin(), whole.end(), is_here)},
                    {"names", row.second}});
  }
  return rows;
}

/// ConfigError that tells the setting without which little would fit.
void require_settings(const config::ModelOptions& options, const Tensors& given,
                      const std::string& source) {
  if (given.contains(kPositions) && !options.position_channels) {
    throw core::ConfigError(
        cat("model.position_channels is false: ", source, " was trained with them, wanted true"));
  }
  for (const char* projection : {"vis_project.weight", "c4_vis_project.weight"}) {
    const auto found = given.find(projection);
    if (found == given.end() || found->second.dim() == 0) continue;
    const std::int64_t width = found->second.size(0);
    if (width == options.width) continue;
    throw core::ConfigError(cat("model.width is ", options.width, ", that of ", source, " ", width,
                                ": add --set model.width=", width));
  }
}

/// What of the fit is no fault: the model begins it anew, or does without it.
std::vector<std::string> harmless(const weights::Fit& fit) {
  const bool has_encoders = std::any_of(fit.fitting.begin(), fit.fitting.end(), is_needed_encoder);
  std::vector<std::string> names;
  for (const auto* list : {&fit.missing, &fit.unexpected}) {
    for (const auto& name : *list) {
      if (!has_encoders || !is_needed_encoder(name)) names.push_back(name);
    }
  }
  return names;
}

std::string rows_text(const char* heading, const Json& rows) {
  if (rows.empty()) return {};
  std::vector<std::string> parts;
  for (const auto& row : rows) {
    const auto count = row.at("tensors").get<std::int64_t>();
    const auto all = row.at("of").get<std::int64_t>();
    parts.push_back(cat(row.at("module").get<std::string>(), " (", count,
                        count == all ? "" : cat(" of ", all), all == 1 ? " tensor)" : " tensors)"));
  }
  return cat("; ", heading, ": ", core::join(parts, ", "));
}

}  // namespace

Json start_from(model::ReferringModel& model, const Tensors& given, const std::string& source,
                bool whole) {
  const Tensors wanted = engine::state_dict(model);
  Tensors renamed;
  for (const auto& [name, tensor] : given) renamed.emplace(name_in(wanted, name), tensor);
  require_settings(model.options, renamed, source);
  if (!whole) renamed.erase(kScale);
  const auto fit = weights::compare(wanted, renamed);
  if (fit.fitting.empty() && fit.mismatched.empty()) {
    throw core::Error(cat(source, " holds nothing of this model: none of its ", given.size(),
                          " tensors has a name that the model knows"));
  }
  engine::load_state_dict(model, renamed, source, harmless(fit));
  return {{"from", source},
          {"taken", fit.fitting.size()},
          {"tensors", wanted.size()},
          {"new", by_module(fit.missing, wanted)},
          {"not_used", by_module(fit.unexpected, renamed)}};
}

std::string warm_start_text(const Json& document) {
  return cat("from ", document.at("from").get<std::string>(), ": ",
             document.at("taken").get<std::int64_t>(), " of ",
             document.at("tensors").get<std::int64_t>(), " tensors",
             rows_text("new", document.at("new")), rows_text("not used", document.at("not_used")));
}

}  // namespace pcnet::runtime
