#include "pcnet/clip/weights.h"

#include <torch/torch.h>

#include "pcnet/config/config.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"

namespace pcnet::clip {

using core::cat;

namespace {

using Tensors = std::map<std::string, at::Tensor>;

constexpr std::string_view kAttentionPool = "visual.attnpool.";

std::string value_text(std::string_view value) { return std::string(value); }
std::string value_text(std::int64_t value) { return cat(value); }
std::string value_text(bool value) { return value ? "true" : "false"; }
std::string value_text(const std::vector<std::int64_t>& values) {
  std::vector<std::string> parts;
  for (const auto value : values) parts.push_back(cat(value));
  return cat("[", core::join(parts, ","), "]");
}

}  // namespace

Tensors clip_tensors(const weights::StateDict& state) {
  switch (state.layout) {
    case weights::Layout::kOpenaiClip:
      return state.tensors;
    case weights::Layout::kPcnet:
    case weights::Layout::kOfficialPcnet:
    case weights::Layout::kOfficialTris:
      break;
    default:
      return {};
  }
  Tensors out;
  for (const auto& [name, tensor] : state.tensors) {
    if (name.starts_with(weights::kBackbone))
      out.emplace(name.substr(weights::kBackbone.size()), tensor);
  }
  return out;
}

Architecture architecture_of(const weights::WeightFile& file, const Tensors& encoders) {
  const std::string source = file.path.string();
  auto architecture = architecture_of(encoders, source);
  const auto stored = file.content.metadata.find("config");
  if (stored == file.content.metadata.end()) return architecture;
  const auto config = core::try_parse_json<nlohmann::ordered_json>(stored->second);
  if (config.is_discarded()) {
    throw core::Error(cat(source, ": broken metadata: \"config\" is not JSON"));
  }
  return architecture_of(config::load_json(config, source, {}).values.model.clip,
                         architecture.vocabulary_size);
}

std::vector<std::string> settings_for(const config::ClipOptions& wanted,
                                      const config::ClipOptions& now) {
  std::vector<std::string> settings;
  const auto add = [&](const char* key, const auto& value, const auto& old) {
    if (value != old) settings.push_back(cat("model.clip.", key, "=", value_text(value)));
  };
  add("visual.layers", wanted.visual.layers, now.visual.layers);
  add("visual.strides", wanted.visual.strides, now.visual.strides);
  add("visual.width", wanted.visual.width, now.visual.width);
  // The rest of the attention pool says nothing where none is built.
  if (wanted.visual.attention_pool) {
    add("visual.heads", wanted.visual.heads, now.visual.heads);
    add("visual.output_dim", wanted.visual.output_dim, now.visual.output_dim);
    add("visual.resolution", wanted.visual.resolution, now.visual.resolution);
  }
  add("visual.attention_pool", wanted.visual.attention_pool, now.visual.attention_pool);
  add("text.tokenizer", wanted.text.tokenizer.word(), now.text.tokenizer.word());
  add("text.width", wanted.text.width, now.text.width);
  add("text.heads", wanted.text.heads, now.text.heads);
  add("text.layers", wanted.text.layers, now.text.layers);
  add("text.context_length", wanted.text.context_length, now.text.context_length);
  add("text.output_dim", wanted.text.output_dim, now.text.output_dim);
  return settings;
}

ClipFile open_clip(const std::filesystem::path& path) {
  const auto opened = weights::open_weights(path);
  ClipFile file{.path = opened.path,
                .state = weights::find_state_dict(opened),
                .tensors = {},
                .architecture = {}};
  file.tensors = clip_tensors(file.state);
  if (file.tensors.empty()) {
    const std::string hidden = weights::hidden_tensors_note(opened);
    const std::string hint = hidden.empty() ? weights::advice(file.state.layout) : hidden;
    throw core::Error(
        cat(path.string(), " holds no CLIP with a ResNet", hint.empty() ? "" : ": ", hint));
  }
  file.architecture = architecture_of(opened, file.tensors);
  return file;
}

void require_architecture(const config::ClipOptions& options, const ClipFile& file) {
  config::ClipOptions wanted = file.architecture.options;
  wanted.visual.attention_pool = wanted.visual.attention_pool && options.visual.attention_pool;
  const auto settings = settings_for(wanted, options);
  if (settings.empty()) return;
  const std::string& name = file.architecture.name;
  throw core::ConfigError(cat("model.clip does not fit ", file.path.string(), ", which holds ",
                              name.empty() ? "a CLIP of another size" : name, ": add --set ",
                              core::join(settings, " --set ")));
}

void load_weights(ClipImpl& clip, const ClipFile& file) {
  require_architecture(clip.options, file);
  Tensors given = file.tensors;
  if (!clip.options.visual.attention_pool) {
    std::erase_if(given, [](const auto& item) { return item.first.starts_with(kAttentionPool); });
  }
  weights::load_tensors(weights::tensors_of(clip), given, file.path.string(), "CLIP");
}

}  // namespace pcnet::clip
