#include "pcnet/model/clip_map.h"

#include <string>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/model/baseline.h"
#include "pcnet/weights/state_dict.h"

namespace pcnet::model {

std::shared_ptr<ReferringModel> clip_map(ReferringModel& source) {
  const torch::NoGradGuard no_grad;
  const auto& clip = source.options.clip;
  if (!clip.visual.attention_pool || clip.visual.output_dim != clip.text.output_dim) {
    throw core::Error(core::cat(
        "CLIP's cells cannot be compared with texts: wanted an attention pool whose output is as "
        "wide as the texts' ",
        clip.text.output_dim, " (model.clip.visual.attention_pool, output_dim)"));
  }
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, tensor] : weights::tensors_of(*source.backbone())) {
    tensors.emplace("backbone." + name, tensor);
  }
  const auto pool = [&](const std::string& name) {
    return tensors.at("backbone.visual.attnpool." + name).to(at::kDouble);
  };
  const at::Tensor output = pool("c_proj.weight");  // [C, channels]
  tensors["vis_project.weight"] =
      output.matmul(pool("v_proj.weight")).unsqueeze(/*dim=*/2).unsqueeze(/*dim=*/3);
  tensors["vis_project.bias"] = output.matmul(pool("v_proj.bias")) + pool("c_proj.bias");
  tensors["lan_project.weight"] = torch::eye(clip.text.output_dim);
  tensors["lan_project.bias"] = torch::zeros({clip.text.output_dim});
  tensors["logit_scale"] = torch::zeros({});

  config::ModelOptions options = source.options;
  options.fusion = "none";
  options.width = clip.text.output_dim;
  options.position_channels = false;
  const std::int64_t vocabulary = tensors.at("backbone.token_embedding.weight").size(0);
  auto model = std::make_shared<BaselineImpl>(options, vocabulary);
  model->to(output.device());
  weights::load_tensors(weights::tensors_of(*model), tensors, "CLIP", "its map");
  return model;
}

}  // namespace pcnet::model
