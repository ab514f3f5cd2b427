#include "pcnet/clip/clip.h"

#include <torch/torch.h>

#include "pcnet/clip/proposal_features.h"
#include "pcnet/clip/weights.h"
#include "pcnet/engine/checkpoint.h"
#include "pcnet/image/resize.h"
#include "pcnet/weights/safetensors.h"

#include "commands.h"

namespace pcnet::parity {

namespace {

clip::Clip load_clip(const std::string& architecture, const std::string& resolution,
                     const std::string& path) {
  auto options = config::clip_architecture(architecture);
  options.visual.resolution = std::stoll(resolution);
  clip::Clip clip(options, /*vocabulary_size=*/49408);
  clip::load_weights(*clip, clip::open_clip(path));
  clip->eval();
  return clip;
}

/// Architecture, resolution of its positions, weights, inputs, outputs. Each input `images.X` gives
/// `X.layer4` and the like and `X.pool`; each `tokens.X` gives `X.text`.
void run_clip(const Words& words) {
  const torch::NoGradGuard no_grad;
  clip::Clip clip = load_clip(words.at(1), words.at(2), words.at(3));
  weights::TensorFile answers;
  for (const auto& [name, input] : weights::read_safetensors(words.at(4)).tensors) {
    const std::string after = name.substr(name.find('.') + 1) + ".";
    if (name.starts_with("tokens.")) {
      answers.tensors.emplace_back(after + "text", clip->encode_text(input));
      continue;
    }
    const auto features = clip->visual()->features(input);
    for (const auto& [layer, value] : features) answers.tensors.emplace_back(after + layer, value);
    answers.tensors.emplace_back(after + "pool", clip->visual()->pool(features.at("layer4")));
  }
  weights::write_safetensors(words.at(5), answers);
}

/// Architecture, resolution, weights; what the network holds then is written to the last file.
void run_clip_weights(const Words& words) {
  const clip::Clip clip = load_clip(words.at(1), words.at(2), words.at(3));
  weights::TensorFile held;
  for (const auto& item : engine::state_dict(*clip)) held.tensors.push_back(item);
  weights::write_safetensors(words.at(4), held);
}

image::Picture picture_of(const at::Tensor& pixels) {  // [3, H, W] uint8
  image::Picture picture(pixels.size(1), pixels.size(2));
  const at::Tensor rows = pixels.permute({1, 2, 0}).contiguous();
  std::copy_n(rows.const_data_ptr<std::uint8_t>(), picture.rgb.size(), picture.rgb.begin());
  return picture;
}

/// Weights, inputs (`picture` [3, H, W], `masks` [P, H, W]), outputs: the features of the masks.
void run_clip_proposals(const Words& words) {
  const clip::ClipFile file = clip::open_clip(words.at(1));
  clip::Clip clip(file.architecture.options, file.architecture.vocabulary_size);
  clip::load_weights(*clip, file);
  image::Picture picture;
  std::vector<image::Rle> masks;
  for (const auto& [name, input] : weights::read_safetensors(words.at(2)).tensors) {
    if (name == "picture") picture = picture_of(input);
    if (name != "masks") continue;
    for (const auto& mask : input.unbind()) masks.push_back(image::encode(image::to_mask(mask)));
  }
  weights::TensorFile answers;
  const auto& look = clip::kZeroShotCrops;
  answers.tensors = {{"crops", clip::crop_features(*clip, picture, masks, clip::kClipCrops)},
                     {"zero_shot_crops", clip::crop_features(*clip, picture, masks, look)},
                     {"places", clip::context_features(*clip, picture, masks, look.colours)}};
  weights::write_safetensors(words.at(3), answers);
}

}  // namespace

void add_clip(Commands& commands) {
  commands["clip"] = run_clip;
  commands["clip-proposals"] = run_clip_proposals;
  commands["clip-weights"] = run_clip_weights;
}

}  // namespace pcnet::parity
