#include "pcnet/runtime/model_source.h"

#include <torch/torch.h>

#include "pcnet/core/device.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/data/text_bank.h"
#include "pcnet/engine/checkpoint.h"
#include "pcnet/text/bpe_tokenizer.h"
#include "pcnet/text/word_tokenizer.h"

namespace pcnet::runtime {

std::unique_ptr<const text::Tokenizer> make_tokenizer(const config::TextOptions& options,
                                                      std::vector<std::string> words) {
  if (options.tokenizer == "bpe") return std::make_unique<text::BpeTokenizer>();
  return std::make_unique<text::WordTokenizer>(std::move(words));
}

void use_channels_last(torch::nn::Module& module) {
  const torch::NoGradGuard no_grad;
  for (auto& parameter : module.parameters()) {
    if (parameter.dim() != 4) continue;
    parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
  }
}

model::Tris build_model(const config::Config& config, std::int64_t vocabulary_size,
                        c10::Device device) {
  if (config.data.text_length > config.model.clip.text.context_length) {
    throw core::ConfigError(core::cat("data.text_length is ", config.data.text_length,
                                      ": wanted at most model.clip.text.context_length, which is ",
                                      config.model.clip.text.context_length));
  }
  torch::manual_seed(static_cast<std::uint64_t>(config.run.seed));
  model::Tris model(config.model, vocabulary_size);
  model->to(device);
  use_channels_last(*model);
  return model;
}

LoadedModel load_model(const std::filesystem::path& run_or_checkpoint,
                       const std::vector<std::string>& overrides) {
  const auto path = engine::find_checkpoint(run_or_checkpoint);
  engine::Checkpoint checkpoint = engine::load_checkpoint(path);
  const auto config = config::load_json(checkpoint.config, path.string(), overrides).values;
  core::set_threads(static_cast<int>(config.run.threads));
  const c10::Device device = core::parse_device(config.run.device);
  auto tokenizer = make_tokenizer(config.model.clip.text, std::move(checkpoint.vocabulary));
  model::Tris model = build_model(config, tokenizer->vocabulary_size(), device);
  engine::load_state_dict(*model, checkpoint.model, path.string());
  return {config, std::move(tokenizer), std::move(model), device, path};
}

engine::ModelResponder responder_for(const model::Tris& model, const text::Tokenizer& tokenizer,
                                     const config::Config& config, c10::Device device) {
  return {model,
          tokenizer,
          {.device = device,
           .text_length = config.data.text_length,
           .truncate = data::truncate_of(config.data),
           .align_corners = config.eval.align_corners}};
}

}  // namespace pcnet::runtime
