#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "pcnet/config/config.h"
#include "pcnet/data/proposals/grid_store.h"
#include "pcnet/data/sources/dataset.h"
#include "pcnet/engine/responder.h"
#include "pcnet/engine/segmentor.h"
#include "pcnet/model/frozen_clip.h"
#include "pcnet/model/referring_model.h"
#include "pcnet/text/tokenizer.h"
#include "pcnet/weights/weight_file.h"

namespace pcnet::runtime {

/// A model with what is needed to ask it.
struct LoadedModel {
  config::Config config;  ///< the stored one, as the call uses it (call_config.h)
  std::unique_ptr<const text::Tokenizer> tokenizer;
  std::shared_ptr<model::ReferringModel> model;
  c10::Device device;
  std::filesystem::path checkpoint;
  std::vector<std::string> notes = {};    ///< of CallConfig
  std::vector<std::string> missing = {};  ///< of CallConfig
};

/// The tokenizer that model.clip.text.tokenizer names; `words` are those of a closed vocabulary.
std::unique_ptr<const text::Tokenizer> make_tokenizer(const config::TextOptions& options,
                                                      std::vector<std::string> words);

/// The grid on which the losses compare maps with proposals: loss.grid, or the feature grid.
data::GridStore::Options loss_grid(const config::Config& config);

/// Lays the convolutions' weights out channels-last, which is faster on a CPU.
void use_channels_last(torch::nn::Module& module);

/// The model of model.profile with fresh weights (drawn from run.seed) on a device, convolutions
/// channels-last.
std::shared_ptr<model::ReferringModel> build_model(const config::Config& config,
                                                   std::int64_t vocabulary_size,
                                                   c10::Device device);

/// Whether a file holds a whole referring model, projections included: a run's or an official one.
bool holds_referring_model(const weights::WeightFile& file);

/// Loads a run's best checkpoint, a checkpoint file, or an official TRIS or PCNet checkpoint, which
/// is recognised from its names (profile `tris` or `released` unless an override says otherwise),
/// onto the configured device.
LoadedModel load_model(const std::filesystem::path& run_or_checkpoint,
                       const std::vector<std::string>& overrides);

/// The cues that a model reads with a text, found by rules, as far as it knows a word of them, else
/// the text. None for a model without conditional referring module.
std::vector<std::string> cues_for(const LoadedModel& loaded, const std::string& text);

/// The second, frozen CLIP that loss.calibration.weights names, on a device. A run brings its own
/// architecture and must know the words of `tokenizer`; another file has model.clip's. ConfigError
/// when no weights are named or they cannot be asked how a picture fits a text.
std::shared_ptr<model::FrozenClip> load_frozen_clip(const config::Config& config,
                                                    const text::Tokenizer& tokenizer,
                                                    c10::Device device);

/// ConfigError when eval.method is another than `model`.
void require_model_method(const config::Config& config);

/// Asks the model as its configuration says. Error as above.
engine::ModelResponder responder_for(const std::shared_ptr<model::ReferringModel>& model,
                                     const text::Tokenizer& tokenizer, const config::Config& config,
                                     c10::Device device);

/// The segmentor that eval.segmentor names, on the configured device. Error, before any work, when
/// the dataset lacks what it needs: proposals, or, being a pack, images of full size.
std::unique_ptr<engine::Segmentor> segmentor_for(const config::Config& config,
                                                 const data::Dataset& dataset);

}  // namespace pcnet::runtime
