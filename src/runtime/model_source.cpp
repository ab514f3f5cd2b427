#include "pcnet/runtime/model_source.h"

#include <set>

#include <torch/torch.h>

#include "pcnet/clip/weights.h"
#include "pcnet/core/device.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/cues/rules.h"
#include "pcnet/data/batches/text_bank.h"
#include "pcnet/engine/checkpoint.h"
#include "pcnet/model/baseline.h"
#include "pcnet/model/pcnet.h"
#include "pcnet/runtime/call_config.h"
#include "pcnet/text/bpe_tokenizer.h"
#include "pcnet/text/word_tokenizer.h"
#include "pcnet/weights/state_dict.h"
#include "pcnet/weights/weight_file.h"

namespace pcnet::runtime {

std::unique_ptr<const text::Tokenizer> make_tokenizer(const config::TextOptions& options,
                                                      std::vector<std::string> words) {
  if (options.tokenizer == "bpe") return std::make_unique<text::BpeTokenizer>();
  return std::make_unique<text::WordTokenizer>(std::move(words));
}

data::GridStore::Options loss_grid(const config::Config& config) {
  const std::int64_t side = config.loss.grid > 0
                                ? config.loss.grid
                                : config.model.clip.visual.grid_side(config.data.image_size);
  return {.height = side,
          .width = side,
          .most = config.data.proposal_filter.most,
          .nearest = config.loss.proposal_resize == config::ProposalResize::kNearest};
}

void use_channels_last(torch::nn::Module& module) {
  const torch::NoGradGuard no_grad;
  for (auto& parameter : module.parameters()) {
    if (parameter.dim() != 4) continue;
    parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
  }
}

std::shared_ptr<model::ReferringModel> build_model(const config::Config& config,
                                                   std::int64_t vocabulary_size,
                                                   c10::Device device) {
  torch::manual_seed(static_cast<std::uint64_t>(config.run.seed));
  std::shared_ptr<model::ReferringModel> model;
  if (config.model.fusion == "crm") {
    model = std::make_shared<model::PCNetImpl>(config.model, vocabulary_size);
  } else {
    model = std::make_shared<model::BaselineImpl>(config.model, vocabulary_size);
  }
  model->to(device);
  use_channels_last(*model);
  return model;
}

namespace {

/// What an official checkpoint was made with, as far as its names and shapes tell.
std::vector<std::string> settings_of(const weights::WeightFile& file,
                                     const weights::StateDict& state) {
  const bool tris = state.layout == weights::Layout::kOfficialTris;
  std::vector<std::string> settings = {core::cat("model.profile=", tris ? "tris" : "released")};
  bool fusion = false;
  std::set<std::string> modules;
  const std::string stage = "attn_fusion_vl.";
  for (const auto& [name, tensor] : state.tensors) {
    fusion = fusion || name.starts_with("attn_fusion.");
    if (name.starts_with(stage)) {
      modules.insert(name.substr(stage.size(), name.find('.', stage.size()) - stage.size()));
    }
  }
  if (tris) settings.push_back(core::cat("model.fusion=", fusion ? "attn_fusion" : "none"));
  if (!tris) settings.push_back(core::cat("model.referring.modules=", modules.size()));
  const auto image = state.tensors.find(tris ? "vis_project.weight" : "c4_vis_project.weight");
  if (image != state.tensors.end()) {
    settings.push_back(core::cat("model.width=", image->second.size(0)));
  }
  const auto encoders = clip::architecture_of(file, clip::clip_tensors(state)).options;
  for (auto& setting : clip::settings_for(encoders, {})) settings.push_back(std::move(setting));
  return settings;
}

LoadedModel load_official(const weights::WeightFile& file, const weights::StateDict& state,
                          const std::vector<std::string>& overrides) {
  std::vector<std::string> settings = settings_of(file, state);
  settings.insert(settings.end(), overrides.begin(), overrides.end());
  const auto config = config::load_defaults(settings).values;
  const bool tris = state.layout == weights::Layout::kOfficialTris;
  if (tris == (config.model.fusion == "crm")) {
    throw core::ConfigError(core::cat(file.path.string(), " holds ", tris ? "TRIS" : "PCNet",
                                      ": got model.fusion ", config.model.fusion.word(),
                                      ", wanted ", tris ? "attn_fusion or none" : "crm"));
  }
  core::set_threads(static_cast<int>(config.run.threads));
  core::set_arithmetic(config.run.deterministic);
  const c10::Device device = core::parse_device(config.run.device);
  auto tokenizer = make_tokenizer(config.model.clip.text, {});
  auto model = build_model(config, tokenizer->vocabulary_size(), device);
  // CLIP's own scale, and encoders' parts that this model does not build, are on no path of it.
  std::vector<std::string> unused;
  const auto wanted = engine::state_dict(*model);
  for (const auto& [name, tensor] : state.tensors) {
    if (name.starts_with("backbone.") && !wanted.contains(name)) unused.push_back(name);
  }
  engine::load_state_dict(*model, state.tensors, file.path.string(), unused);
  core::log::info(
      core::cat("official ", tris ? "TRIS" : "PCNet", " checkpoint ", file.path.string(),
                ", profile ", config.model.profile.word(),
                unused.empty() ? "" : core::cat("; not used: ", core::join(unused, ", "))));
  return {config, std::move(tokenizer), std::move(model), device, file.path};
}

}  // namespace

bool holds_referring_model(const weights::WeightFile& file) {
  if (engine::is_checkpoint(file)) return true;
  const auto layout = weights::find_state_dict(file).layout;
  return layout == weights::Layout::kOfficialTris || layout == weights::Layout::kOfficialPcnet;
}

LoadedModel load_model(const std::filesystem::path& run_or_checkpoint,
                       const std::vector<std::string>& overrides) {
  const auto path = engine::find_checkpoint(run_or_checkpoint);
  const weights::WeightFile opened = weights::open_weights(path);
  if (!engine::is_checkpoint(opened)) {
    const weights::StateDict state = weights::find_state_dict(opened);
    if (state.layout == weights::Layout::kOfficialTris ||
        state.layout == weights::Layout::kOfficialPcnet) {
      return load_official(opened, state, overrides);
    }
  }
  engine::Checkpoint checkpoint = engine::load_checkpoint(path);
  const CallConfig call =
      call_config({checkpoint.config, path.string(), engine::run_of(path)}, overrides);
  const config::Config& config = call.values;
  core::set_threads(static_cast<int>(config.run.threads));
  core::set_arithmetic(config.run.deterministic);
  const c10::Device device = core::parse_device(config.run.device);
  auto tokenizer = make_tokenizer(config.model.clip.text, std::move(checkpoint.vocabulary));
  auto model = build_model(config, tokenizer->vocabulary_size(), device);
  engine::load_state_dict(*model, checkpoint.model, path.string());
  return {config, std::move(tokenizer), std::move(model), device, path, call.notes, call.missing};
}

std::vector<std::string> cues_for(const LoadedModel& loaded, const std::string& text) {
  if (loaded.model->cues_read() == 0) return {};
  std::vector<std::string> found = cues::rule_cues(text);
  std::erase_if(found, [&](const std::string& cue) {
    return loaded.tokenizer->encode(cue, loaded.config.data.text_length).words == 0;
  });
  if (found.empty()) found.push_back(text);
  return found;
}

void require_model_method(const config::Config& config) {
  if (config.eval.method == config::EvalMethod::kModel) return;
  throw core::ConfigError(core::cat("eval.method is ", config.eval.method.word(),
                                    ", which `pcnet eval` alone knows: wanted model here"));
}

engine::ModelResponder responder_for(const std::shared_ptr<model::ReferringModel>& model,
                                     const text::Tokenizer& tokenizer, const config::Config& config,
                                     c10::Device device) {
  require_model_method(config);
  return {model,
          tokenizer,
          {.device = device,
           .text_length = config.data.text_length,
           .truncate = data::truncate_of(config.data),
           .precision = config.eval.precision,
           .align_corners = config.eval.align_corners,
           .released_resize = config.eval.map_resize == "released"}};
}

std::unique_ptr<engine::Segmentor> segmentor_for(const config::Config& config,
                                                 const data::Dataset& dataset) {
  const auto kind = config.eval.segmentor;
  if (needs_proposals(kind) && !dataset.has_proposals()) {
    throw core::Error(core::cat("the segmentor ", kind.word(),
                                " needs proposals, and the dataset has no proposals: name some "
                                "with --proposals, or make them with `pcnet proposals make`"));
  }
  const auto& pack = dataset.files().pack;
  if (needs_sam(kind) && !pack.empty()) {
    throw core::UsageError(core::cat("the segmentor ", kind.word(), " cannot look at the pack ",
                                     pack.string(),
                                     ": it has no images of full size; name the dataset's own "
                                     "files (--root)"));
  }
  return engine::make_segmentor(config.eval, core::parse_device(config.run.device));
}

}  // namespace pcnet::runtime
