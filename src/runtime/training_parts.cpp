#include "pcnet/runtime/training_parts.h"

#include <map>
#include <optional>
#include <utility>

#include "pcnet/clip/weights.h"
#include "pcnet/config/paths.h"
#include "pcnet/config/validate.h"
#include "pcnet/core/device.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/core/norm_relu.h"
#include "pcnet/data/annotations/digest.h"
#include "pcnet/data/pack/pack_key.h"
#include "pcnet/engine/checkpoint.h"
#include "pcnet/runtime/dataset_opening.h"
#include "pcnet/runtime/model_source.h"
#include "pcnet/text/word_tokenizer.h"

#include "warm_start.h"

namespace pcnet::runtime {

using core::cat;

namespace {

/// What a new run starts from: all of a run of ours or of a file (model.init), a run of ours or a
/// file's encoders (model.clip.weights).
struct Start {
  std::string source;
  bool whole = false;
  std::optional<engine::Checkpoint> run = {};
  std::optional<clip::ClipFile> encoders = {};
};

Start find_start(const config::Config& config) {
  const std::string& init = config.model.init;
  const std::string& encoders = config.model.clip.weights;
  Start start{.source = init.empty() ? encoders : init, .whole = !init.empty()};
  if (start.source.empty()) return start;
  if (start.whole && !encoders.empty()) {
    core::log::info(cat("model.init gives the whole start: nothing is taken from ",
                        "model.clip.weights, ", encoders));
  }
  const auto path = engine::find_checkpoint(start.source);
  const bool is_run = engine::is_checkpoint(weights::open_weights(path));
  if (is_run) start.run = engine::load_checkpoint(path);
  if (start.whole || !is_run) start.encoders = clip::open_clip(path);
  if (start.whole) clip::require_architecture(config.model.clip, *start.encoders);
  return start;
}

/// A file's tensors under a referring model's names: CLIP on its own is the backbone.
std::map<std::string, at::Tensor> whole_model(const clip::ClipFile& file) {
  if (file.state.layout != weights::Layout::kOpenaiClip) return file.state.tensors;
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, tensor] : file.tensors) tensors.emplace("backbone." + name, tensor);
  return tensors;
}

/// @return what of a whole model was taken and what is new; null for encoders alone
nlohmann::ordered_json load_start(model::ReferringModel& model, const Start& start) {
  if (start.run) return start_from(model, start.run->model, start.source, start.whole);
  if (!start.encoders) return nullptr;
  if (start.whole) return start_from(model, whole_model(*start.encoders), start.source, true);
  clip::load_weights(*model.backbone(), *start.encoders);
  const std::string& name = start.encoders->architecture.name;
  core::log::info(cat("encoders of ", name.empty() ? "CLIP" : name, " from ", start.source));
  return nullptr;
}

std::vector<std::string> choose_words(const config::Config& config,
                                      const engine::Checkpoint* resumed, const Start& start,
                                      data::Dataset& dataset) {
  if (config.model.clip.text.tokenizer == "bpe") return {};
  if (resumed != nullptr) return resumed->vocabulary;
  if (start.run) return start.run->vocabulary;
  return text::WordTokenizer::from_texts(dataset.training_texts()).words();
}

bool reads_clip_scores(const config::Config& config) {
  return config.train.objective != "contrastive" && !config.data.clip_scores.empty() &&
         losses::Criterion(config.loss).needs().clip_scores;
}

/// The texts beside the sentence that model and losses look at, and the proposals when a loss does.
data::ReferringSamples::Options fed_texts(const config::Config& config,
                                          const data::Dataset& dataset) {
  const losses::Criterion criterion(config.loss);
  data::ReferringSamples::Options fed{.cues = config::cues_read(config.model)};
  if (criterion.needs().partners || criterion.needs().calibration ||
      config::looks_at_partners(config.model)) {
    fed.partners = config.data.partners;
  }
  if (config.train.batch_size == 1 && config.loss.classification.weight > 0) {
    core::log::warning(
        "train.batch_size is 1: classification sees each sentence on its own image alone, and "
        "nothing that it does not describe");
  }
  if (criterion.needs().proposals) fed.grid = loss_grid(config);
  fed.clip_scores = reads_clip_scores(config);
  if (fed.cues > 0 && !dataset.has_cues()) {
    throw core::ConfigError(cat("the dataset has no cues, of which the profile ",
                                config.model.profile.word(), " reads ", fed.cues,
                                " a sentence: make them with `pcnet cues make`, name them with "
                                "--cues, or let the rules make them with --cues rules"));
  }
  if (criterion.needs().proposals && !dataset.has_proposals()) {
    throw core::ConfigError(
        "the dataset has no proposals, which a loss with a weight needs (region_aware_shrinking, "
        "instance_disambiguation or kl_divergence): name them with data.proposals");
  }
  return fed;
}

std::unique_ptr<data::Samples> make_samples(const config::Config& config, data::Dataset& dataset,
                                            const text::Tokenizer& tokenizer) {
  if (config.train.objective == "contrastive") {
    return std::make_unique<data::ContrastiveSamples>(dataset, tokenizer, config.train.contrastive,
                                                      config.loss.contrastive.mirrored > 0);
  }
  return std::make_unique<data::ReferringSamples>(dataset, tokenizer, fed_texts(config, dataset));
}

/// Checksum of the sentences that a run trains on, and of their cues and CLIP scores where it reads
/// them.
std::string training_texts(const config::Config& config, data::Dataset& dataset) {
  const bool contrastive = config.train.objective == "contrastive";
  const bool reads_cues =
      (contrastive ? config.train.contrastive.cues : config::cues_read(config.model)) > 0;
  std::string text;
  for (const auto position : dataset.index().split("train")) {
    for (const auto& sentence : dataset.index().references()[position].sentences) {
      text += cat(sentence.sent_id, " ", sentence.text, "\n");
      if (!reads_cues) continue;
      for (const auto& cue : dataset.cues_of(sentence)) text += cat("  ", cue, "\n");
    }
  }
  if (reads_clip_scores(config)) text += dataset.clip_scores().digest();
  return data::digest_of(text);
}

/// Where the frozen CLIP of a resumed run is: at its place, or beside the run, which was moved.
std::string stored_frozen_clip(const engine::Checkpoint& resumed, const std::string& folder) {
  const auto stored = config::load_json(resumed.config, "the checkpoint", {}).values;
  const std::string& place = stored.loss.calibration.weights;
  if (place.empty() || std::filesystem::exists(place)) return place;
  const auto beside = config::place_beside(place, stored.run.folder, folder);
  if (!std::filesystem::exists(beside)) {
    throw core::ConfigError(
        cat("loss.calibration.weights: there is no ", place, ", which the run stored",
            beside.empty() ? "" : cat(", and no ", beside.string(), " beside the run"),
            "; a run asks its frozen CLIP to the end, also when it is resumed: say where it is "
            "now"));
  }
  core::log::info(
      cat("loss.calibration.weights: taken from ", beside.string(), ", as the run stored ", place));
  return beside.string();
}

/// The second, frozen CLIP when a term asks it. Where it came from is kept in the configuration: a
/// resumed run must go on with the same one, whatever model.clip.weights, which it no longer needs,
/// says by then.
std::shared_ptr<model::FrozenClip> find_frozen_clip(config::Config& config,
                                                    const engine::Checkpoint* resumed,
                                                    const text::Tokenizer& tokenizer,
                                                    c10::Device device) {
  if (config.train.objective == "contrastive") return nullptr;
  const bool stored = !config.data.clip_scores.empty();
  if (!engine::asks_frozen_clip(losses::Criterion(config.loss).needs(), stored)) return nullptr;
  auto& weights = config.loss.calibration.weights;
  if (weights.empty()) {
    weights = resumed == nullptr ? config.model.clip.weights
                                 : stored_frozen_clip(*resumed, config.run.folder);
  }
  return load_frozen_clip(config, tokenizer, device);
}

std::unique_ptr<engine::Learner> make_learner(const config::Config& config,
                                              std::shared_ptr<model::ReferringModel> model,
                                              std::shared_ptr<model::FrozenClip> frozen) {
  const engine::PartwiseEncoding encoding{.parts = config.train.accumulate};
  if (config.train.objective == "contrastive") {
    return std::make_unique<engine::ContrastiveLearner>(std::move(model), config.loss, encoding);
  }
  return std::make_unique<engine::ReferringLearner>(std::move(model), config.loss,
                                                    static_cast<std::uint64_t>(config.run.seed),
                                                    std::move(frozen), encoding);
}

/// CLIP's encoders, the new layers, and the logit scale, each with its factor of the rate.
std::vector<engine::ParameterGroup> parameter_groups(const config::TrainOptions& options,
                                                     const model::ReferringModel& model) {
  std::vector<engine::ParameterGroup> groups = {{"backbone", options.backbone_factor, {}},
                                                {"new layers", 1.0, {}},
                                                {"logit scale", options.logit_scale_factor, {}}};
  // The order of the parameters decides how the gradient norm is rounded: one group where it can
  // be.
  const bool apart = options.projection_factor != 1;
  if (apart) groups.push_back({"projections", options.projection_factor, {}});
  for (const auto& item : model.named_parameters()) {
    const bool is_projection = item.key().find("_project.") != std::string::npos;
    const std::size_t group = item.key().starts_with("backbone.") ? 0
                              : item.key() == "logit_scale"       ? 2
                              : apart && is_projection            ? 3
                                                                  : 1;
    groups[group].parameters.emplace_back(item.key(), item.value());
  }
  return options.decay_norms ? groups : engine::without_decay_of_norms(groups);
}

const config::Config& validated(const config::Config& config) {
  config::validate(config);
  require_model_method(config);  // training validates its own model
  return config;
}

}  // namespace

TrainingParts::TrainingParts(const config::Config& options, const engine::Checkpoint* resumed,
                             distributed::Team* processes)
    : config(validated(options)),
      device(core::parse_device(options.run.device)),
      team(distributed::communicator_for(processes, device)),
      dataset(open_dataset(options.data)) {
  core::set_threads(static_cast<int>(config.run.threads));
  core::set_arithmetic(config.run.deterministic);
  if (config.train.batch_size < team->size()) {
    throw core::ConfigError(cat("train.batch_size is ", config.train.batch_size, " for ",
                                team->size(), " processes: wanted at least one image for each"));
  }
  const auto precision = engine::fixed_precision(config.train.precision);
  if (precision) engine::require_supported(*precision, device);
  const Start start = resumed == nullptr ? find_start(config) : Start{};  // resumed: has its own
  tokenizer = dataset.with_ready_tokens(
      make_tokenizer(config.model.clip.text, choose_words(config, resumed, start, dataset)));
  samples = make_samples(config, dataset, *tokenizer);
  texts = training_texts(config, dataset);
  model = build_model(config, tokenizer->vocabulary_size(), device);
  model->backbone()->set_recompute(config.train.recompute);
  started_from = load_start(*model, start);
  const auto frozen = find_frozen_clip(config, resumed, *tokenizer, device);
  if (frozen) {
    const auto file = engine::find_checkpoint(config.loss.calibration.weights);
    frozen_clip = data::digest_text(data::source_of(file).checksum);
  }
  learner = make_learner(config, model, frozen);
  optimizer = std::make_unique<engine::AdamW>(
      parameter_groups(config.train, *model),
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
                                            .decay_power = config.train.decay_power},
                               .precision = precision,
                               .ema_decay = config.train.ema_decay,
                               .reads_late = device.is_cuda(),
                               .team = team,
                               .synchronised_norms = config.train.sync_batch_norm});
  if (config.train.sync_batch_norm) core::synchronise_norms(*model, team);
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
                                      .negatives = config.data.negatives,
                                      .team = team});
}

data::Batch TrainingParts::sample_batch(std::int64_t size) {
  data::Loader loader(*samples, {.batch_size = size,
                                 .seed = static_cast<std::uint64_t>(config.run.seed),
                                 .first = 0,
                                 .last = 1,
                                 .prefetch = 0,
                                 .negatives = config.data.negatives,
                                 .team = team});
  return loader.next().to(device);
}

}  // namespace pcnet::runtime
