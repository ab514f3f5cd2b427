#include <optional>

#include "pcnet/clip/weights.h"
#include "pcnet/core/device.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/engine/checkpoint.h"
#include "pcnet/runtime/model_source.h"
#include "pcnet/runtime/training.h"
#include "pcnet/text/word_tokenizer.h"

namespace pcnet::runtime {

using core::cat;

namespace {

/// What a new run starts from (model.clip.weights): a run of ours, whole, or a file's encoders.
struct Start {
  std::optional<engine::Checkpoint> run;
  std::optional<clip::ClipFile> encoders;
};

Start find_start(const config::Config& config) {
  if (config.model.clip.weights.empty()) return {};
  const auto path = engine::find_checkpoint(config.model.clip.weights);
  if (engine::is_checkpoint(weights::open_weights(path))) {
    return {engine::load_checkpoint(path), std::nullopt};
  }
  return {std::nullopt, clip::open_clip(path)};
}

void load_start(model::Tris& model, const Start& start, const std::string& source) {
  if (start.run) {
    // The head's scale is a setting of this run (model.logit_scale), not of the warm start.
    engine::load_state_dict(*model, start.run->model, source, {"logit_scale"});
    return;
  }
  if (!start.encoders) return;
  clip::load_weights(*model->backbone(), *start.encoders);
  const std::string& name = start.encoders->architecture.name;
  core::log::info(cat("encoders of ", name.empty() ? "CLIP" : name, " from ", source));
}

std::vector<std::string> choose_words(const config::Config& config,
                                      const engine::Checkpoint* resumed, const Start& start,
                                      data::Dataset& dataset) {
  if (config.model.clip.text.tokenizer == "bpe") return {};
  if (resumed != nullptr) return resumed->vocabulary;
  if (start.run) return start.run->vocabulary;
  return text::WordTokenizer::from_texts(dataset.training_texts()).words();
}

/// The texts beside the sentence that the profile's losses look at: TRIS reads no cues.
data::ReferringSamples::Options fed_texts(const config::Config& config) {
  if (config.model.profile != "tris") {
    return {.cues = config.data.cues_per_sentence, .partners = config.data.partners};
  }
  if (config.data.partners > 0) {
    throw core::ConfigError(cat("data.partners is ", config.data.partners,
                                ": the profile tris compares no partners, wanted 0"));
  }
  return {};
}

std::unique_ptr<data::Samples> make_samples(const config::Config& config, data::Dataset& dataset,
                                            const text::Tokenizer& tokenizer) {
  if (config.train.objective == "contrastive") {
    return std::make_unique<data::ContrastiveSamples>(dataset, tokenizer, config.train.contrastive);
  }
  return std::make_unique<data::ReferringSamples>(dataset, tokenizer, fed_texts(config));
}

std::unique_ptr<engine::Learner> make_learner(const config::Config& config,
                                              const model::Tris& model) {
  if (config.train.objective == "contrastive") {
    return std::make_unique<engine::ContrastiveLearner>(model, config.loss);
  }
  return std::make_unique<engine::ReferringLearner>(model, config.loss);
}

/// CLIP's encoders, the new layers, and the logit scale, each with its factor of the rate.
std::vector<engine::ParameterGroup> parameter_groups(const config::TrainOptions& options,
                                                     const model::Tris& model) {
  std::vector<engine::ParameterGroup> groups = {{"backbone", options.backbone_factor, {}},
                                                {"new layers", 1.0, {}},
                                                {"logit scale", options.logit_scale_factor, {}}};
  for (const auto& item : model->named_parameters()) {
    const std::size_t group = item.key().starts_with("backbone.") ? 0
                              : item.key() == "logit_scale"       ? 2
                                                                  : 1;
    groups[group].parameters.emplace_back(item.key(), item.value());
  }
  return groups;
}

}  // namespace

TrainingParts::TrainingParts(const config::Config& options, const engine::Checkpoint* resumed)
    : config(options), device(core::parse_device(options.run.device)), dataset(options.data) {
  core::set_threads(static_cast<int>(config.run.threads));
  if (config.eval.splits.empty()) {
    throw core::ConfigError("eval.splits is empty: training validates on the first split");
  }
  const Start start = resumed == nullptr ? find_start(config) : Start{};  // resumed: has its own
  tokenizer = dataset.with_packed_tokens(
      make_tokenizer(config.model.clip.text, choose_words(config, resumed, start, dataset)));
  samples = make_samples(config, dataset, *tokenizer);
  model = build_model(config, tokenizer->vocabulary_size(), device);
  load_start(model, start, config.model.clip.weights);
  learner = make_learner(config, model);
  optimizer = std::make_unique<engine::AdamW>(
      parameter_groups(config.train, model),
      engine::AdamW::Options{.weight_decay = config.train.weight_decay});
  steps_per_epoch_ =
      data::EpochSampler(samples->size(), config.train.batch_size, 0).steps_per_epoch();
  total_steps_ =
      config.train.max_steps >= 0 ? config.train.max_steps : config.train.epochs * steps_per_epoch_;
  trainer = std::make_unique<engine::Trainer>(
      *model, *learner, *optimizer,
      engine::Trainer::Options{.learning_rate = config.train.learning_rate,
                               .clip_norm = config.train.clip_norm,
                               .schedule = {.total_steps = total_steps_,
                                            .warmup_steps = config.train.warmup_steps,
                                            .decay_power = config.train.decay_power}});
}

std::unique_ptr<data::Loader> TrainingParts::loader(std::int64_t first_step) {
  return std::make_unique<data::Loader>(
      *samples, data::Loader::Options{.batch_size = config.train.batch_size,
                                      .seed = static_cast<std::uint64_t>(config.run.seed),
                                      .first = first_step,
                                      .last = total_steps_,
                                      .prefetch = config.data.prefetch,
                                      .workers = config.data.workers,
                                      .pinned = device.is_cuda(),
                                      .negatives = config.data.negatives});
}

}  // namespace pcnet::runtime
