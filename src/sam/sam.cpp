#include "pcnet/sam/sam.h"

#include <algorithm>
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
constexpr std::int64_t kMostCells = 256;  // of a side; the published ones have 64
constexpr std::int64_t kWidest = 2048;    // ViT-H has 1280

const at::Tensor& tensor_of(const Tensors& tensors, const std::string& name,
                            const std::string& source, std::int64_t dimensions) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) {
    throw Error(cat(source, " holds no SAM: no tensor ", name, "; wanted ", kKnownFiles));
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

VisionTransformerOptions vit_of(const Tensors& tensors, std::int64_t width,
                                const std::string& source) {
  VisionTransformerOptions options;
  options.width = width;
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

}  // namespace

SamImpl::SamImpl(const SamOptions& wanted) : options(wanted) {
  image_encoder = register_module("image_encoder", make_image_encoder(options));
  prompt_encoder = register_module("prompt_encoder", PromptEncoder(options.side));
  mask_decoder = register_module("mask_decoder", MaskDecoder());
}

SamOptions options_of(const Tensors& tensors, const std::string& source) {
  if (tensors.contains(cat(kEncoder, "patch_embed.seq.0.c.weight"))) return mobile_sam();
  SamOptions options;
  const auto places = tensor_of(tensors, cat(kEncoder, "pos_embed"), source, 4).sizes();
  const auto in_range = [](std::int64_t value, std::int64_t most) {
    return value >= 1 && value <= most;
  };
  if (!in_range(places[1], kMostCells) || !in_range(places[3], kWidest)) {
    throw Error(cat(source, ": ", kEncoder, "pos_embed is ", places,
                    ", wanted [1, cells, cells, width]", " of 1 to ", kMostCells,
                    " cells and a width of 1 to ", kWidest));
  }
  options.side = places[1] * kStride;
  tensor_of(tensors, cat(kEncoder, "blocks.0.attn.rel_pos_h"), source, 2);
  options.vit = vit_of(tensors, places[3], source);
  options.name.clear();
  for (const auto& known : published_sams()) {
    if (known.vit == options.vit && known.side == options.side) options.name = known.name;
  }
  return options;
}

Tensors expected_tensors(const SamOptions& options) {
  // Blocks of a kind are alike: one of each is built, and a large model takes no memory.
  SamOptions small = options;
  small.vit.blocks = 2;
  small.vit.global_blocks = {1};
  const Sam built(small);
  const auto& global = options.vit.global_blocks;
  Tensors expected;
  for (const auto& [name, tensor] : weights::tensors_of(*built)) {
    const auto meta = torch::empty(tensor.sizes(), torch::TensorOptions().device(torch::kMeta));
    const std::string windowed_block = cat(kEncoder, "blocks.0.");
    const bool of_global_block = name.starts_with(cat(kEncoder, "blocks.1."));
    if (!of_global_block && !name.starts_with(windowed_block)) {
      expected.emplace(name, meta);
      continue;
    }
    const std::string part = name.substr(windowed_block.size());
    for (std::int64_t i = 0; i < options.vit.blocks; ++i) {
      const bool is_global = std::find(global.begin(), global.end(), i) != global.end();
      if (is_global == of_global_block) {
        expected.emplace(cat(kEncoder, "blocks.", i, ".", part), meta);
      }
    }
  }
  return expected;
}

Sam load_sam(const std::filesystem::path& path, c10::Device device) {
  const auto file = weights::open_weights(path);
  const auto state = weights::require_layout(file, weights::Layout::kSam, kKnownFiles);
  const std::string source = file.path.string();
  Sam sam(options_of(state.tensors, source));
  weights::load_tensors(weights::tensors_of(*sam), state.tensors, source,
                        sam->options.name.empty() ? "SAM" : sam->options.name);
  sam->to(device);
  sam->eval();
  for (auto& parameter : sam->parameters()) parameter.set_requires_grad(false);
  sam->image_encoder->weights_are_set();
  return sam;
}

}  // namespace pcnet::sam
