#include "pcnet/sam/sam.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/weights/state_dict.h"
#include "pcnet/weights/weight_file.h"

namespace pcnet::sam {

using core::cat;
using core::Error;

namespace {

using Tensors = std::map<std::string, at::Tensor>;

constexpr std::string_view kEncoder = "image_encoder.";
/// In MobileSAM's file, of a classifier that nothing reads.
constexpr std::array<std::string_view, 2> kUnused = {"image_encoder.norm_head.",
                                                     "image_encoder.head."};

/// Other families by a tensor that they alone have.
struct Family {
  std::string_view part;  ///< of a name
  std::string_view name;
  std::string_view advice;
};
constexpr std::string_view kUse =
    "wanted sam_vit_b, sam_vit_l or sam_vit_h of segment-anything, or mobile_sam.pt";
constexpr std::array<Family, 5> kFamilies = {
    {{"memory_attention.", "SAM 2", kUse},
     {"image_encoder.trunk.", "SAM 2's image encoder", kUse},
     {"mask_decoder.hf_token.", "SAM-HQ", kUse},
     {"image_encoder.blocks.0.0.", "EfficientSAM", kUse},
     {"model.22.", "FastSAM (a YOLO)", kUse}}};

const at::Tensor& tensor_of(const Tensors& tensors, const std::string& name,
                            const std::string& source, std::int64_t dimensions) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) {
    throw Error(cat(source, " holds no SAM: no tensor ", name, "; ", kUse));
  }
  if (found->second.dim() == dimensions) return found->second;
  throw Error(
      cat(source, ": ", name, " has ", found->second.dim(), " dimensions, wanted ", dimensions));
}

std::int64_t count_blocks(const Tensors& tensors) {
  std::int64_t count = 0;
  while (tensors.contains(cat(kEncoder, "blocks.", count, ".attn.rel_pos_h"))) ++count;
  return count;
}

VisionTransformerOptions vit_of(const Tensors& tensors, const std::string& source) {
  VisionTransformerOptions options;
  options.width = tensor_of(tensors, cat(kEncoder, "pos_embed"), source, 4).size(3);
  options.blocks = count_blocks(tensors);
  options.global_blocks.clear();
  const auto table = [&](std::int64_t block) {
    return tensor_of(tensors, cat(kEncoder, "blocks.", block, ".attn.rel_pos_h"), source, 2)
        .sizes();
  };
  const std::int64_t channels = table(0)[1];
  if (channels < 1 || options.width % channels != 0) {
    throw Error(
        cat(source, ": heads of ", channels, " channels do not divide the width ", options.width));
  }
  options.heads = options.width / channels;
  for (std::int64_t i = 0; i < options.blocks; ++i) {
    if (table(i)[0] > 2 * options.window - 1) options.global_blocks.push_back(i);
  }
  return options;
}

std::optional<std::string> family_of(const Tensors& tensors) {
  for (const auto& family : kFamilies) {
    for (const auto& [name, tensor] : tensors) {
      if (name.find(family.part) != std::string::npos) {
        return cat("it is ", family.name, ": ", family.advice);
      }
    }
  }
  return std::nullopt;
}

bool is_unused(const std::string& name) {
  return std::any_of(kUnused.begin(), kUnused.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

}  // namespace

SamImpl::SamImpl(const SamOptions& wanted) : options(wanted) {
  image_encoder = register_module("image_encoder", make_image_encoder(options));
  prompt_encoder = register_module("prompt_encoder", PromptEncoder(options.side));
  mask_decoder = register_module("mask_decoder", MaskDecoder());
}

SamOptions options_of(const Tensors& tensors, const std::string& source) {
  if (const auto family = family_of(tensors)) throw Error(cat(source, " holds no SAM: ", *family));
  if (tensors.contains(cat(kEncoder, "patch_embed.seq.0.c.weight"))) return mobile_sam();
  SamOptions options;
  options.side = tensor_of(tensors, cat(kEncoder, "pos_embed"), source, 4).size(1) * kStride;
  tensor_of(tensors, cat(kEncoder, "blocks.0.attn.rel_pos_h"), source, 2);
  options.vit = vit_of(tensors, source);
  options.name.clear();
  for (const auto& known : published_sams()) {
    if (known.vit == options.vit && known.side == options.side) options.name = known.name;
  }
  return options;
}

Sam load_sam(const std::filesystem::path& path, c10::Device device) {
  const auto file = weights::open_weights(path);
  const auto state = weights::find_state_dict(file);
  const std::string source = file.path.string();
  if (state.layout != weights::Layout::kSam && state.layout != weights::Layout::kUnknown) {
    throw Error(cat(source, " holds no SAM: it is ", weights::to_string(state.layout), "; ", kUse));
  }
  Tensors given = state.tensors;
  std::erase_if(given, [](const auto& item) { return is_unused(item.first); });
  Sam sam(options_of(given, source));
  weights::load_tensors(weights::tensors_of(*sam), given, source,
                        sam->options.name.empty() ? "SAM" : sam->options.name);
  sam->to(device);
  sam->eval();
  for (auto& parameter : sam->parameters()) parameter.set_requires_grad(false);
  sam->image_encoder->weights_are_set();
  return sam;
}

}  // namespace pcnet::sam
