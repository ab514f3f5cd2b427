#include <array>

#include "pcnet/config/clip_options.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::config {

namespace {

constexpr std::int64_t kHeadChannels = 64;  // in all published CLIPs

struct Published {
  ClipArchitecture name;
  std::array<std::int64_t, 4> layers;
  std::int64_t width;
  std::int64_t resolution;
  std::int64_t output_dim;
  std::int64_t text_width;
};

constexpr std::array<Published, 5> kPublished = {
    {{ClipArchitecture::kRn50, {3, 4, 6, 3}, 64, 224, 1024, 512},
     {ClipArchitecture::kRn101, {3, 4, 23, 3}, 64, 224, 512, 512},
     {ClipArchitecture::kRn50x4, {4, 6, 10, 6}, 80, 288, 640, 640},
     {ClipArchitecture::kRn50x16, {6, 8, 18, 8}, 96, 384, 768, 768},
     {ClipArchitecture::kRn50x64, {3, 15, 36, 10}, 128, 448, 1024, 1024}}};

ClipOptions options_of(const Published& known) {
  ClipOptions options;
  options.architecture = known.name;
  options.visual = {.layers = {known.layers.begin(), known.layers.end()},
                    .width = known.width,
                    .heads = known.width * 32 / kHeadChannels,
                    .output_dim = known.output_dim,
                    .resolution = known.resolution};
  options.text = {.width = known.text_width,
                  .heads = known.text_width / kHeadChannels,
                  .output_dim = known.output_dim};
  return options;
}

ClipOptions tiny() {
  ClipOptions options;
  options.visual = {.layers = {1, 1, 1},
                    .strides = {1, 2, 2},
                    .width = 8,
                    .heads = 4,
                    .output_dim = 12,
                    .resolution = 32};
  options.text = {.width = 8, .heads = 2, .layers = 2, .context_length = 9, .output_dim = 12};
  return options;
}

}  // namespace

std::vector<std::string> published_clips() {
  std::vector<std::string> names;
  for (const auto& known : kPublished) names.emplace_back(Choice(known.name).word());
  return names;
}

ClipOptions clip_architecture(const std::string& name) {
  for (const auto& known : kPublished) {
    if (name == Choice(known.name).word()) return options_of(known);
  }
  if (name == "tiny") return tiny();
  throw core::UsageError(core::cat("no CLIP architecture is called \"", name, "\": wanted ",
                                   core::join(published_clips(), ", "), " or tiny"));
}

ClipOptions with_architecture(ClipOptions options) {
  for (const auto& known : kPublished) {
    if (options.architecture != known.name) continue;
    ClipOptions named = options_of(known);
    named.weights = options.weights;
    named.visual.attention_pool = options.visual.attention_pool;
    named.text.tokenizer = options.text.tokenizer;
    return named;
  }
  return options;  // custom
}

}  // namespace pcnet::config
