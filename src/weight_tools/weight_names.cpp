#include "pcnet/weight_tools/weight_names.h"

#include <string_view>

#include <torch/types.h>

#include "pcnet/core/format.h"

namespace pcnet::weight_tools {

using core::cat;
using weights::Layout;

namespace {

constexpr int kOfficialBlocks = 4;  // `attn_fusion_vl`, whatever number of stages is used

void add_layer(std::vector<std::string>& names, const std::string& layer) {
  names.push_back(layer + ".weight");
  names.push_back(layer + ".bias");
}

/// One attention block: 1 is the query, 2 the key, 3 the value.
void add_block(std::vector<std::string>& names, const std::string& block) {
  for (int i = 1; i <= 3; ++i) {
    add_layer(names, cat(block, ".v_proj", i, ".0"));
    add_layer(names, cat(block, ".v_proj", i, ".1"));
    add_layer(names, cat(block, ".t_proj", i, ".0"));
  }
  add_layer(names, block + ".v_output.0");
  add_layer(names, block + ".v_output.1");
  add_layer(names, block + ".t_output.0");
}

bool has_encoders(Layout layout) {
  return layout == Layout::kPcnet || layout == Layout::kOfficialPcnet ||
         layout == Layout::kOfficialTris || layout == Layout::kOpenaiClip;
}

}  // namespace

std::string part_of(const std::string& name, Layout layout) {
  std::string first = name.substr(0, name.find('.'));
  if (!has_encoders(layout)) return first;
  const bool wrapped = name.starts_with(weights::kBackbone);
  const std::string_view bare =
      std::string_view(name).substr(wrapped ? weights::kBackbone.size() : 0);
  if (!wrapped && layout != Layout::kOpenaiClip) return first;
  if (bare.starts_with("visual.attnpool.")) return "attention pool";
  if (bare.starts_with("visual.")) return "image encoder";
  if (bare == "logit_scale") return "logit_scale";
  return "text encoder";
}

bool is_buffer(const std::string& name) {
  return name.ends_with(".running_mean") || name.ends_with(".running_var") ||
         name.ends_with(".num_batches_tracked") ||
         name.ends_with(".positional_encoding_gaussian_matrix");
}

std::vector<std::string> head_names(Layout layout) {
  if (layout == Layout::kOpenaiClip) return {};
  std::vector<std::string> names = {"logit_scale"};
  if (layout == Layout::kOfficialPcnet) {
    add_layer(names, "c4_vis_project");
    add_layer(names, "global_lan_project");
    for (int i = 0; i < kOfficialBlocks; ++i) add_block(names, cat("attn_fusion_vl.", i));
  } else {
    add_layer(names, "vis_project");
    add_layer(names, "lan_project");
    if (layout == Layout::kOfficialTris) add_block(names, "attn_fusion");
  }
  return names;
}

weights::Fit fit_of(const weights::StateDict& state, Layout layout,
                    const clip::Architecture& encoders) {
  const std::string prefix(layout == Layout::kOpenaiClip ? "" : weights::kBackbone);
  std::map<std::string, at::Tensor> wanted;
  for (auto& [name, tensor] : clip::expected_tensors(encoders)) {
    wanted.emplace(prefix + name, tensor);
  }
  const auto want_as_it_is = [&](const std::string& name) {
    const auto own = state.tensors.find(name);
    wanted.emplace(name, own != state.tensors.end() ? own->second : at::Tensor());
  };
  if (layout == Layout::kPcnet) {
    // The heads are those of the run's own configuration.
    for (const auto& [name, tensor] : state.tensors) {
      if (!name.starts_with(weights::kBackbone)) want_as_it_is(name);
    }
  } else {
    for (const auto& name : head_names(layout)) want_as_it_is(name);
  }
  return weights::compare(wanted, state.tensors);
}

std::string dtype_name(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return "F32";
    case at::kHalf:
      return "F16";
    case at::kBFloat16:
      return "BF16";
    case at::kDouble:
      return "F64";
    case at::kLong:
      return "I64";
    case at::kInt:
      return "I32";
    case at::kShort:
      return "I16";
    case at::kChar:
      return "I8";
    case at::kByte:
      return "U8";
    case at::kBool:
      return "BOOL";
    default:
      return c10::toString(type);
  }
}

}  // namespace pcnet::weight_tools
