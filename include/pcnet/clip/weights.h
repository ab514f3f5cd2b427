#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "pcnet/clip/clip.h"
#include "pcnet/config/clip_options.h"
#include "pcnet/weights/state_dict.h"
#include "pcnet/weights/weight_file.h"

namespace pcnet::clip {

/// Which CLIP a file's tensors make.
struct Architecture {
  std::string name;  ///< "RN50", "RN101", "RN50x4", "RN50x16", "RN50x64"; empty for any other
  config::ClipOptions options;
  std::int64_t vocabulary_size = 0;
};

/// The options that CLIP's tensors (bare names) were made with. What shapes cannot tell is CLIP's
/// own: heads of 64 channels, strides 1, 2, 2, 2. Error that names the tensor when one that is
/// needed is missing or has no shape of a CLIP; `source` names the file.
config::ClipOptions options_of(const std::map<std::string, at::Tensor>& tensors,
                               const std::string& source);

/// The same with the published name and the size of the vocabulary.
Architecture architecture_of(const std::map<std::string, at::Tensor>& tensors,
                             const std::string& source);

/// The same for encoders out of a file: of our own runs from the configuration that they store,
/// which knows what shapes cannot tell.
Architecture architecture_of(const weights::WeightFile& file,
                             const std::map<std::string, at::Tensor>& encoders);

/// The architecture of these options; its name is empty when it is none of the published ones.
Architecture architecture_of(const config::ClipOptions& options, std::int64_t vocabulary_size);

/// Every tensor of such a CLIP under its name, with its shape and without memory (meta tensors).
std::map<std::string, at::Tensor> expected_tensors(const Architecture& architecture);

/// The encoders in a state dict, under CLIP's bare names. Of a CLIP file that is the whole, of a
/// referring model what is under `backbone.`. Empty when it holds none.
std::map<std::string, at::Tensor> clip_tensors(const weights::StateDict& state);

/// `key=value` for every setting of the configuration that must change from `now` so that it builds
/// `wanted`: "model.clip.visual.layers=[3,4,23,3]". Empty when nothing must.
std::vector<std::string> settings_for(const config::ClipOptions& wanted,
                                      const config::ClipOptions& now);

/// The encoders of a weight file.
struct ClipFile {
  std::filesystem::path path;
  weights::StateDict state;                   ///< the model that was found
  std::map<std::string, at::Tensor> tensors;  ///< its encoders, bare names, mapped
  Architecture architecture;
};

/// Opens a file of any format that holds CLIP with a ResNet. Error with advice for another model.
ClipFile open_clip(const std::filesystem::path& path);

/// ConfigError that gives the `--set` arguments when the file is of another architecture than the
/// options. A model without attention pool may do without the file's.
void require_architecture(const config::ClipOptions& options, const ClipFile& file);

/// Copies the encoders into the module, converting the type. ConfigError that gives the `--set`
/// arguments when the file is of another architecture, Error that lists what is missing, unexpected
/// and mismatched otherwise; then nothing was copied. A module without attention pool leaves the
/// file's alone.
void load_weights(ClipImpl& clip, const ClipFile& file);

}  // namespace pcnet::clip
