#include "pcnet/freesolo/freesolo.h"

#include <nlohmann/json.hpp>

#include "pcnet/core/files.h"
#include "pcnet/core/log.h"
#include "pcnet/freesolo/weights.h"
#include "pcnet/weights/safetensors.h"

#include "commands.h"

namespace pcnet::parity {

namespace {

/// Weights, an image, its shortest side; what the released network computes and what it proposes
/// are written to the last two files.
void run_freesolo(const Words& words) {
  core::log::set_level(core::log::Level::kWarning);  // the note on the licence
  const torch::NoGradGuard no_grad;
  freesolo::Freesolo network;
  freesolo::load_weights(*network, words.at(1));
  const image::Picture picture = image::read_picture(words.at(2));
  freesolo::ProposeOptions options;
  options.input.shortest_side = std::stoll(words.at(3));

  const auto input = freesolo::make_input(picture, options.input, at::kFloat);
  weights::TensorFile computed;
  const auto keep = [&](const std::string& name, const at::Tensor& value) {
    computed.tensors.emplace_back(name, value.contiguous());
  };
  keep("input", input.images);
  auto& backbone = *network->named_children()["backbone"]->as<freesolo::Backbone>();
  const auto pyramid = backbone.forward(input.images);
  const auto output = network(input.images);
  for (std::size_t i = 0; i < freesolo::kLevels; ++i) {
    keep("p" + std::to_string(i + 2), pyramid[i]);
    keep("logits" + std::to_string(i), output.cells.logits[i]);
    keep("kernels" + std::to_string(i), output.cells.kernels[i]);
  }
  keep("mask_features", output.mask_features);
  weights::write_safetensors(words.at(4), computed);

  auto proposals = nlohmann::json::array();
  for (const auto& [mask, score] : freesolo::propose(network, picture, options)) {
    proposals.push_back({{"score", score},
                         {"size", {mask.height, mask.width}},
                         {"counts", image::to_coco_string(mask)}});
  }
  core::write_file(words.at(5), proposals.dump());
}

}  // namespace

void add_freesolo(Commands& commands) { commands["freesolo"] = run_freesolo; }

}  // namespace pcnet::parity
