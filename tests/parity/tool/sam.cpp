#include <algorithm>
#include <iostream>
#include <limits>
#include <map>
#include <sstream>

#include <torch/torch.h>

#include "pcnet/core/device.h"
#include "pcnet/core/files.h"
#include "pcnet/core/lap.h"
#include "pcnet/sam/predictor.h"
#include "pcnet/weights/safetensors.h"

#include "commands.h"
#include "generator_cases.h"

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

/// SAM behind the mask generator; what it answers is kept.
class KeptClicks : public proposals::ClickDecoder {
 public:
  explicit KeptClicks(sam::Predictor& predictor) : predictor_(predictor) {}

  void set_crop(const image::Picture& crop) override {
    predictor_.set_image(predictor_.embed(crop));
  }
  proposals::ClickMasks decode(std::span<const proposals::Point> points) override {
    auto masks = predictor_.clicks(points);
    logits.push_back(masks.logits);
    predicted_iou.push_back(masks.predicted_iou);
    return {masks.logits, masks.predicted_iou};
  }

  std::vector<at::Tensor> logits, predicted_iou;

 private:
  sam::Predictor& predictor_;
};

/// Weights, cases, images, records, answers, threads. Each line of the cases has settings and names
/// an image; its records are a line, its answers to the clicks `K.logits` and `K.iou`.
void run_sam_masks(const Words& words) {
  core::set_threads(std::stoi(words.at(6)));
  sam::Predictor predictor(sam::load_sam(words.at(1)));
  Tensors images;
  for (const auto& [name, tensor] : weights::read_safetensors(words.at(3)).tensors) {
    images.emplace(name, tensor);
  }
  std::istringstream lines(core::read_file(words.at(2)));
  std::string records;
  weights::TensorFile answers;
  int number = 0;
  for (std::string line; std::getline(lines, line); ++number) {
    const auto item = nlohmann::json::parse(line);
    KeptClicks clicks(predictor);
    const auto picture = picture_of(images.at(item.at("image").get<std::string>()));
    records +=
        records_of(proposals::generate_masks(clicks, picture, generator_options(item))).dump() +
        "\n";
    const std::string name = std::to_string(number);
    answers.tensors.emplace_back(name + ".logits", at::cat(clicks.logits));
    answers.tensors.emplace_back(name + ".iou", at::cat(clicks.predicted_iou));
  }
  core::write_file(words.at(4), records);
  weights::write_safetensors(words.at(5), answers);
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
  commands["sam-masks"] = run_sam_masks;
  commands["sam-name"] = run_sam_name;
  commands["sam-time"] = run_sam_time;
}

}  // namespace pcnet::parity
