#include "pcnet/config/clip_options.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::config {

namespace {

ClipOptions rn101() {
  ClipOptions options;
  options.visual.layers = {3, 4, 23, 3};
  options.visual.output_dim = options.text.output_dim = 512;
  return options;
}

ClipOptions rn50x4() {
  ClipOptions options;
  options.visual = {
      .layers = {4, 6, 10, 6}, .width = 80, .heads = 40, .output_dim = 640, .resolution = 288};
  options.text.width = options.text.output_dim = 640;
  options.text.heads = 10;
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

ClipOptions clip_architecture(const std::string& name) {
  if (name == "RN50") return {};
  if (name == "RN101") return rn101();
  if (name == "RN50x4") return rn50x4();
  if (name == "tiny") return tiny();
  throw core::UsageError(core::cat("no CLIP architecture is called \"", name,
                                   "\": wanted RN50, RN101, RN50x4 or tiny"));
}

}  // namespace pcnet::config
