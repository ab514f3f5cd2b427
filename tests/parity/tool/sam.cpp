#include <algorithm>
#include <iostream>
#include <limits>
#include <map>

#include <torch/torch.h>

#include "pcnet/core/device.h"
#include "pcnet/core/lap.h"
#include "pcnet/sam/predictor.h"
#include "pcnet/weights/safetensors.h"

#include "commands.h"

namespace pcnet::parity {

namespace {

using Tensors = std::map<std::string, at::Tensor>;

image::Picture picture_of(const at::Tensor& pixels) {
  image::Picture picture(pixels.size(0), pixels.size(1));
  const at::Tensor flat = pixels.contiguous();
  std::copy_n(flat.const_data_ptr<std::uint8_t>(), flat.numel(), picture.rgb.begin());
  return picture;
}

std::vector<sam::Point> points_of(const at::Tensor& points) {
  std::vector<sam::Point> all;
  for (std::int64_t i = 0; i < points.size(0); ++i) {
    all.push_back({points[i][0].item<double>(), points[i][1].item<double>()});
  }
  return all;
}

/// The prompt called `name`: `.points` with `.labels`, `.box`, `.mask`, each as far as it is there.
sam::Prompt prompt_of(const Tensors& inputs, const std::string& name) {
  sam::Prompt prompt;
  const auto find = [&](const char* part) {
    const auto found = inputs.find(name + part);
    return found == inputs.end() ? at::Tensor() : found->second;
  };
  if (const at::Tensor points = find(".points"); points.defined()) {
    prompt.points = points_of(points);
    for (std::int64_t i = 0; i < points.size(0); ++i) {
      prompt.labels.push_back(find(".labels")[i].item<std::int64_t>());
    }
  }
  if (const at::Tensor box = find(".box"); box.defined()) {
    prompt.box.emplace();
    for (std::int64_t i = 0; i < 4; ++i) {
      (*prompt.box)[static_cast<std::size_t>(i)] = box[i].item<double>();
    }
  }
  prompt.mask = find(".mask");
  return prompt;
}

void add_masks_of(const std::string& name, const sam::MaskDecoderImpl::Masks& masks,
                  weights::TensorFile& answers) {
  answers.tensors.emplace_back(name + ".logits", masks.logits);
  answers.tensors.emplace_back(name + ".iou", masks.predicted_iou);
}

/// Weights, inputs, outputs. Each input `image.X` gives `X.features`, and with `X.clicks` their
/// masks; each prompt `X.K.points` and the like gives `X.K.single`, `X.K.multiple` and the last at
/// the image's size.
void run_sam(const Words& words) {
  sam::Predictor predictor(sam::load_sam(words.at(1)));
  Tensors inputs;
  for (const auto& [name, tensor] : weights::read_safetensors(words.at(2)).tensors) {
    inputs.emplace(name, tensor);
  }
  weights::TensorFile answers;
  for (const auto& [key, pixels] : inputs) {
    if (!key.starts_with("image.")) continue;
    const std::string image = key.substr(6);
    predictor.set_image(predictor.embed(picture_of(pixels)));
    answers.tensors.emplace_back(image + ".features", predictor.image().features);
    std::map<std::string, bool> prompts;
    for (const auto& [name, tensor] : inputs) {
      if (name == image + ".clicks") {
        add_masks_of(name, predictor.clicks(points_of(tensor)), answers);
      } else if (name.starts_with(image + ".")) {
        prompts[name.substr(0, name.rfind('.'))] = true;
      }
    }
    for (const auto& [name, there] : prompts) {
      const sam::Prompt prompt = prompt_of(inputs, name);
      add_masks_of(name + ".single", predictor.predict(prompt, sam::Outputs::kSingle), answers);
      const auto masks = predictor.predict(prompt, sam::Outputs::kMultiple);
      add_masks_of(name + ".multiple", masks, answers);
      std::vector<at::Tensor> whole;
      for (std::int64_t i = 0; i < masks.logits.size(0); ++i) {
        whole.push_back(sam::upscale(masks.logits[i], predictor.image().frame));
      }
      answers.tensors.emplace_back(name + ".whole", at::stack(whole));
    }
  }
  weights::write_safetensors(words.at(3), answers);
}

/// Weights, threads, repeats, device: the least seconds of an embedding and of 64 clicks, as JSON.
void run_sam_time(const Words& words) {
  core::set_threads(std::stoi(words.at(2)));
  core::set_arithmetic(/*deterministic=*/false);
  const c10::Device device = core::parse_device(words.at(4));
  const auto wait = [&] {
    if (device.is_cuda()) torch::cuda::synchronize(device.index());
  };
  sam::Predictor predictor(sam::load_sam(words.at(1), device));
  image::Picture picture(480, 640);
  for (std::size_t i = 0; i < picture.rgb.size(); ++i) {
    picture.rgb[i] = static_cast<std::uint8_t>(i * i % 251);
  }
  std::vector<sam::Point> points;
  for (int k = 0; k < 64; ++k) points.push_back({40.0 + 80 * (k % 8), 30.0 + 60 * (k / 8)});
  double encoder = std::numeric_limits<double>::infinity();
  double clicks = encoder;
  for (int repeat = 0; repeat <= std::stoi(words.at(3)); ++repeat) {  // the first is a warm-up
    core::Lap lap;
    const sam::Embedding embedding = predictor.embed(picture);
    wait();
    const double first = lap.take();
    predictor.set_image(embedding);
    (void)predictor.clicks(points);
    wait();
    if (repeat > 0) encoder = std::min(encoder, first);
    if (repeat > 0) clicks = std::min(clicks, lap.take());
  }
  std::cout << "{\"encoder\": " << encoder << ", \"clicks\": " << clicks << "}\n";
}

/// A weight file: which SAM it is, or why it is none.
void run_sam_name(const Words& words) { (void)sam::load_sam(words.at(1)); }

}  // namespace

void add_sam(Commands& commands) {
  commands["sam"] = run_sam;
  commands["sam-name"] = run_sam_name;
  commands["sam-time"] = run_sam_time;
}

}  // namespace pcnet::parity
