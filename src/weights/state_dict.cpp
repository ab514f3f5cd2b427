#include "pcnet/weights/state_dict.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include <torch/torch.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::weights {

using core::cat;

namespace {

/// What training code wraps round a model, in any order and number (`model.module.`).
constexpr std::array<std::string_view, 5> kWrappers = {"model.", "state_dict.", "model_state_dict.",
                                                       "module.", "backbone."};
constexpr int kDeepestWrapping = 4;

/// Entries of a checkpoint that stand beside its model.
constexpr std::array<std::string_view, 7> kBesideTheModel = {
    "optimizer", "optimizer_state_dict", "lr_scheduler", "scheduler", "scaler", "epoch", "args"};

/// Numbers that OpenAI's files keep among the weights.
constexpr std::array<std::string_view, 3> kSettings = {"input_resolution", "context_length",
                                                       "vocab_size"};

/// A name, or the beginning of some.
struct Mark {
  Layout layout;
  std::string_view start;
};

/// Families by what they alone have.
constexpr auto kFamilies = std::to_array<Mark>({
    {Layout::kFreesolo, "ins_head.cate_pred."},
    {Layout::kSam2, "memory_attention."},
    {Layout::kSam2, "image_encoder.trunk."},
    {Layout::kSamHq, "mask_decoder.hf_token."},
    {Layout::kEfficientSam, "mask_decoder.final_output_upscaling_layers."},
    {Layout::kHuggingFaceSam, "shared_image_embedding."},
    {Layout::kYolo, "model.22."},
});

/// What stands among a model's tensors and is read by no network.
constexpr auto kUnread = std::to_array<Mark>({
    {Layout::kSam, "image_encoder.norm_head."},
    {Layout::kSam, "image_encoder.head."},
    {Layout::kFreesolo, "_iter"},
    {Layout::kFreesolo, "ins_head.emb_pred."},
});

template <class Words>
bool is_one_of(std::string_view word, const Words& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string_view first_part(std::string_view name) { return name.substr(0, name.find('.')); }

using Tensors = std::map<std::string, at::Tensor>;

bool has(const Tensors& tensors, const std::string& name) { return tensors.contains(name); }

bool has_any(const Tensors& tensors, std::string_view prefix) {
  const auto found = tensors.lower_bound(std::string(prefix));
  return found != tensors.end() && found->first.starts_with(prefix);
}

Layout layout_of(const Tensors& tensors) {
  for (const auto& [layout, start] : kFamilies) {
    if (has_any(tensors, start)) return layout;
  }
  if (has_any(tensors, "attn_fusion_vl.") || has(tensors, "c4_vis_project.weight")) {
    return Layout::kOfficialPcnet;
  }
  if (has(tensors, "vis_project.weight")) {
    return has_any(tensors, "attn_fusion.") ? Layout::kOfficialTris : Layout::kPcnet;
  }
  if (has(tensors, "visual.layer1.0.conv1.weight")) return Layout::kOpenaiClip;
  if (has_any(tensors, "visual.transformer.resblocks.") || has(tensors, "visual.class_embedding")) {
    return Layout::kClipVit;
  }
  if (has_any(tensors, "vision_model.") || has_any(tensors, "text_model.")) {
    return Layout::kHuggingFaceClip;
  }
  if (has_any(tensors, "image_encoder.") &&
      (has_any(tensors, "mask_decoder.") || has(tensors, "image_encoder.pos_embed"))) {
    return Layout::kSam;
  }
  // CLIP's ResNet on its own has a stem of three convolutions, torchvision's has one.
  if (has(tensors, "layer1.0.conv1.weight") && !has(tensors, "conv3.weight")) {
    return Layout::kTorchvisionResnet;
  }
  return Layout::kUnknown;
}

struct Found {
  Layout layout;
  std::string prefix;
  Tensors tensors;
};

/// The names below `prefix`, without it.
Tensors below(const Tensors& tensors, std::string_view prefix) {
  Tensors out;
  for (const auto& [name, tensor] : tensors) {
    if (name.starts_with(prefix)) out.emplace(name.substr(prefix.size()), tensor);
  }
  return out;
}

std::optional<Found> look_inside(const Tensors& tensors, const std::string& prefix, int depth) {
  const Layout layout = layout_of(tensors);
  if (layout != Layout::kUnknown) return Found{layout, prefix, tensors};
  if (depth == kDeepestWrapping) return std::nullopt;
  for (const auto wrapper : kWrappers) {
    const Tensors inner = below(tensors, wrapper);
    if (inner.empty()) continue;
    if (auto found = look_inside(inner, cat(prefix, wrapper), depth + 1)) return found;
  }
  return std::nullopt;
}

std::string counted(std::size_t count, const char* what) {
  return cat(count, " ", what, count == 1 ? "" : "s");
}

/// The groups of what was left out, in the file's order.
class LeftOut {
 public:
  void add_tensor(std::string_view name) { add_to(first_part(name)); }
  void add_to(std::string_view name) { ++group(name).tensors; }
  void add_value(std::string_view name) { group(first_part(name)); }

  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& group : groups_) {
      out.push_back(group.tensors == 0
                        ? group.name
                        : cat(group.name, " (", counted(group.tensors, "tensor"), ")"));
    }
    return out;
  }

 private:
  struct Group {
    std::string name;
    std::size_t tensors;
  };

  Group& group(std::string_view name) {
    for (auto& known : groups_) {
      if (known.name == name) return known;
    }
    groups_.push_back({std::string(name), 0});
    return groups_.back();
  }

  std::vector<Group> groups_;
};

/// Takes out of the model what is no part of it.
void leave_out_unread(Found& found, LeftOut& left_out) {
  if (found.layout == Layout::kUnknown) return;
  for (const auto name : kSettings) {
    if (found.tensors.erase(std::string(name)) > 0) left_out.add_tensor(name);
  }
  for (const auto& [layout, start] : kUnread) {
    if (found.layout != layout) continue;
    const std::string_view group = start.ends_with('.') ? start.substr(0, start.size() - 1) : start;
    std::erase_if(found.tensors, [&, start = start](const auto& item) {
      if (!item.first.starts_with(start)) return false;
      left_out.add_to(group);
      return true;
    });
  }
}

bool is_our_checkpoint(const WeightFile& file) {
  const auto format = file.content.metadata.find("format");
  return format != file.content.metadata.end() && format->second.starts_with("pcnet checkpoint");
}

}  // namespace

std::string to_string(Layout layout) {
  switch (layout) {
    case Layout::kPcnet:
      return "pcnet";
    case Layout::kOfficialPcnet:
      return "official-pcnet";
    case Layout::kOfficialTris:
      return "official-tris";
    case Layout::kOpenaiClip:
      return "openai-clip";
    case Layout::kClipVit:
      return "CLIP with a vision transformer";
    case Layout::kHuggingFaceClip:
      return "CLIP under Hugging Face's names";
    case Layout::kTorchvisionResnet:
      return "torchvision's ResNet";
    case Layout::kSam:
      return "SAM";
    case Layout::kHuggingFaceSam:
      return "SAM under Hugging Face's names";
    case Layout::kSam2:
      return "SAM 2";
    case Layout::kSamHq:
      return "SAM-HQ";
    case Layout::kEfficientSam:
      return "EfficientSAM";
    case Layout::kYolo:
      return "a YOLO (FastSAM is one)";
    case Layout::kFreesolo:
      return "FreeSOLO";
    case Layout::kUnknown:
      return "unknown";
  }
  return "unknown";
}

std::string advice(Layout layout) {
  constexpr const char* kUse = "OpenAI's RN50.pt, or the same weights under CLIP's names";
  switch (layout) {
    case Layout::kClipVit:
      return cat(
          "this looks like a CLIP with a vision transformer, the encoder here is a ResNet; "
          "try ",
          kUse);
    case Layout::kHuggingFaceClip:
      return cat(
          "this looks like a CLIP from Hugging Face, whose image encoder is a vision "
          "transformer, the encoder here is a ResNet; try ",
          kUse);
    case Layout::kTorchvisionResnet:
      return cat(
          "this looks like a ResNet of torchvision, which has no text encoder and another "
          "stem than CLIP's; try ",
          kUse);
    case Layout::kSam:
    case Layout::kHuggingFaceSam:
    case Layout::kSam2:
    case Layout::kSamHq:
    case Layout::kEfficientSam:
    case Layout::kYolo:
    case Layout::kFreesolo:
      return cat("this looks like ", to_string(layout),
                 ", which segments images but knows no text; try ", kUse);
    case Layout::kUnknown:
      return cat("its names are those of no model that is known here; try ", kUse);
    default:
      return {};
  }
}

std::map<std::string, at::Tensor> tensors_of(const torch::nn::Module& module) {
  Tensors tensors;
  for (const auto& item : module.named_parameters()) tensors.emplace(item.key(), item.value());
  for (const auto& item : module.named_buffers()) tensors.emplace(item.key(), item.value());
  return tensors;
}

StateDict find_state_dict(const WeightFile& file) {
  Tensors all;
  LeftOut left_out;
  for (const auto& [name, tensor] : file.content.tensors) {
    if (is_one_of(first_part(name), kBesideTheModel)) {
      left_out.add_tensor(name);
    } else {
      all.emplace(name, tensor);
    }
  }
  // Our own runs bear the same names as the published models: the metadata tells them apart.
  auto found = is_our_checkpoint(file) ? Found{Layout::kPcnet, "", all} : look_inside(all, "", 0);
  if (!found) found = Found{Layout::kUnknown, "", all};
  for (const auto& [name, tensor] : all) {
    if (!name.starts_with(found->prefix)) left_out.add_tensor(name);
  }
  leave_out_unread(*found, left_out);
  for (const auto& [name, value] : file.values) left_out.add_value(name);
  return {found->layout, found->prefix, std::move(found->tensors), left_out.names()};
}

StateDict require_layout(const WeightFile& file, Layout wanted, const std::string& files) {
  StateDict state = find_state_dict(file);
  if (state.layout == wanted) return state;
  std::string instead = hidden_tensors_note(file);
  if (instead.empty()) {
    instead = state.layout == Layout::kUnknown
                  ? "its names are those of no model that is known here"
                  : cat("it is ", to_string(state.layout));
  }
  throw core::Error(
      cat(file.path.string(), " holds no ", to_string(wanted), ": ", instead, "; wanted ", files));
}

}  // namespace pcnet::weights
