#include <filesystem>
#include <string>
#include <utility>

#include "pcnet/clip/weights.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/engine/checkpoint.h"
#include "pcnet/runtime/model_source.h"
#include "pcnet/weights/state_dict.h"
#include "pcnet/weights/weight_file.h"

namespace pcnet::runtime {

using core::cat;

namespace {

std::shared_ptr<model::ReferringModel> model_of_run(const std::filesystem::path& path,
                                                    const config::Config& config,
                                                    const text::Tokenizer& tokenizer,
                                                    c10::Device device) {
  LoadedModel run =
      load_model(path, {cat("run.device=", device.str()), cat("run.threads=", config.run.threads),
                        cat("run.deterministic=", config.run.deterministic ? "true" : "false")});
  const text::Tokenizer& own = *run.tokenizer;
  if (own.vocabulary_size() != tokenizer.vocabulary_size() || own.words() != tokenizer.words()) {
    throw core::ConfigError(cat("loss.calibration.weights: ", path.string(), " knows ",
                                own.vocabulary_size(), " tokens, which are not the ",
                                tokenizer.vocabulary_size(),
                                " of this run: wanted a run with the same words, such as the one "
                                "that this starts from"));
  }
  return std::move(run.model);
}

/// The encoders alone, in a model whose projections nobody asks.
std::shared_ptr<model::ReferringModel> model_of_encoders(const std::filesystem::path& path,
                                                         config::Config config,
                                                         const text::Tokenizer& tokenizer,
                                                         c10::Device device) {
  if (!config.model.clip.visual.attention_pool) {
    throw core::ConfigError(cat("loss.calibration.weights: ", path.string(),
                                " holds encoders alone and model.clip.visual.attention_pool is "
                                "false, so that nothing compares an image with a text: wanted a "
                                "run of this program, or CLIP with its attention pool"));
  }
  config.model.fusion = "none";
  auto model = build_model(config, tokenizer.vocabulary_size(), device);
  clip::load_weights(*model->backbone(), clip::open_clip(path));
  return model;
}

}  // namespace

std::shared_ptr<model::FrozenClip> load_frozen_clip(const config::Config& config,
                                                    const text::Tokenizer& tokenizer,
                                                    c10::Device device) {
  const std::string& name = config.loss.calibration.weights;
  if (name.empty()) {
    throw core::ConfigError(
        "loss.calibration.weights is empty, and so is model.clip.weights: calibration and the "
        "foreground clip_score ask a frozen CLIP, wanted a run of this program or a file that "
        "holds CLIP, or, for the foreground alone, data.clip_scores");
  }
  if (!std::filesystem::exists(name)) {
    throw core::ConfigError(cat("loss.calibration.weights: there is no ", name,
                                "; a run asks its frozen CLIP to the end, also when it is resumed: "
                                "say where it is now"));
  }
  const auto path = engine::find_checkpoint(name);
  auto model = holds_referring_model(weights::open_weights(path))
                   ? model_of_run(path, config, tokenizer, device)
                   : model_of_encoders(path, config, tokenizer, device);
  core::log::info(cat("frozen CLIP from ", path.string(), ", compares by ",
                      model->options.clip.visual.attention_pool
                          ? "its attention pool"
                          : "the soft maximum over its grid"));
  return std::make_shared<model::FrozenClip>(std::move(model), config.loss.calibration.image_size);
}

}  // namespace pcnet::runtime
