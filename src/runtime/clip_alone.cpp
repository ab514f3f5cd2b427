#include "pcnet/runtime/clip_alone.h"

#include "pcnet/clip/weights.h"
#include "pcnet/core/device.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/data/batches/text_bank.h"
#include "pcnet/engine/checkpoint.h"
#include "pcnet/engine/proposal_responder.h"
#include "pcnet/model/clip_map.h"
#include "pcnet/runtime/packing.h"

namespace pcnet::runtime {

namespace fs = std::filesystem;
using config::EvalMethod;
using core::cat;

namespace {

constexpr double kGlobalWeight = 0.95;
constexpr double kGlobalWeightOfLongSentences = 0.85;  // RefCOCOg's

LoadedModel load_encoders(const fs::path& path, const std::vector<std::string>& overrides) {
  const clip::ClipFile file = clip::open_clip(path);
  config::Config config = default_config(overrides);
  config.model.clip = file.architecture.options;
  config.model.clip.weights = path.string();
  config.model.fusion = "none";
  core::set_threads(static_cast<int>(config.run.threads));
  core::set_arithmetic(config.run.deterministic);
  const c10::Device device = core::parse_device(config.run.device);
  auto tokenizer = make_tokenizer(config.model.clip.text, {});
  if (tokenizer->vocabulary_size() != file.architecture.vocabulary_size) {
    throw core::Error(cat(path.string(), " knows ", file.architecture.vocabulary_size,
                          " tokens, wanted the ", tokenizer->vocabulary_size(),
                          " of CLIP's byte-pair encoding"));
  }
  auto model = build_model(config, tokenizer->vocabulary_size(), device);
  clip::load_weights(*model->backbone(), file);
  return {config, std::move(tokenizer), std::move(model), device, path};
}

}  // namespace

LoadedModel load_clip(const fs::path& source, const std::vector<std::string>& overrides) {
  const fs::path path = engine::find_checkpoint(source);
  LoadedModel loaded = holds_referring_model(weights::open_weights(path))
                           ? load_model(source, overrides)
                           : load_encoders(path, overrides);
  const auto& clip = loaded.config.model.clip;
  if (!clip.visual.attention_pool || clip.visual.output_dim != clip.text.output_dim) {
    throw core::ConfigError(
        cat("CLIP alone is asked by its attention pool, and ", path.string(), " has ",
            clip.visual.attention_pool ? "one of another width than its texts" : "none",
            " (model.clip.visual): wanted a file of CLIP such as RN50.pt, or a run that began with "
            "one"));
  }
  core::log::info(cat("CLIP alone from ", path.string()));
  return loaded;
}

double global_weight(const config::EvalOptions& options, const std::string& dataset) {
  if (options.global_weight >= 0) return options.global_weight;
  return dataset == "refcocog" ? kGlobalWeightOfLongSentences : kGlobalWeight;
}

engine::ProposalScorer proposal_scorer(const LoadedModel& loaded, const config::EvalOptions& eval,
                                       const config::DataOptions& data,
                                       const std::string& dataset) {
  return {loaded.model->backbone(),
          *loaded.tokenizer,
          {.method = eval.method,
           .global_weight = global_weight(eval, dataset),
           .text_length = data.text_length,
           .truncate = data::truncate_of(data)}};
}

std::unique_ptr<engine::Responder> make_responder(const LoadedModel& loaded,
                                                  data::Dataset& dataset) {
  if (config::chooses_proposals(loaded.config.eval.method)) {
    if (!dataset.files().pack.empty()) {
      core::log::warning(cat("the pack ", dataset.files().pack.string(), " has images of ",
                             loaded.config.data.image_size, " px alone: CLIP sees crops of these"));
    }
    return std::make_unique<engine::ProposalResponder>(
        dataset,
        proposal_scorer(loaded, loaded.config.eval, loaded.config.data, dataset.files().dataset));
  }
  std::shared_ptr<model::ReferringModel> model = loaded.model;
  config::Config config = loaded.config;
  if (config.eval.method == EvalMethod::kClipMap) {
    model = model::clip_map(*model);
    use_channels_last(*model);
    config.eval.method = "model";  // CLIP is the model that answers
  }
  return std::make_unique<engine::ModelResponder>(
      responder_for(model, *loaded.tokenizer, config, loaded.device));
}

}  // namespace pcnet::runtime
