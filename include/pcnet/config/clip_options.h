#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pcnet/config/field.h"
#include "pcnet/config/model_choices.h"

namespace pcnet::config {

/// CLIP's ModifiedResNet. The defaults are RN50.
struct VisualOptions {
  std::vector<std::int64_t> layers = {3, 4, 6, 3};   // bottlenecks a layer
  std::vector<std::int64_t> strides = {1, 2, 2, 2};  // of the first bottleneck of each layer
  std::int64_t width = 64;                           // channels of the first layer, before x4
  std::int64_t heads = 32;                           // of the attention pool
  std::int64_t output_dim = 1024;                    // of the attention pool
  std::int64_t resolution = 224;                     // px the attention pool's positions are for
  bool attention_pool = true;

  /// Pixels between neighbouring cells of the feature grid, the stem's 4 included.
  std::int64_t stride() const {
    std::int64_t pixels = 4;
    for (const auto factor : strides) pixels *= factor;
    return pixels;
  }
  /// Channels of the feature grid: a bottleneck is four times as wide at its end.
  std::int64_t feature_channels() const { return width << (layers.size() + 1); }
  /// Cells along the side of a square picture.
  std::int64_t grid_side(std::int64_t pixels) const { return (pixels + 1) / stride(); }

  template <class Visitor>
  static void fields(Visitor&& field) {
    using O = VisualOptions;
    field(
        "layers", &O::layers,
        {.help = "bottleneck blocks in each layer", .source = "docs/method.md#encoders", .min = 1});
    field("strides", &O::strides,
          {.help = "down-sampling at the entry of each layer",
           .source = "docs/method.md#encoders",
           .min = 1,
           .max = 2});
    field("width", &O::width,
          {.help = "bottleneck width of the first layer",
           .unit = "channels",
           .source = "docs/method.md#encoders",
           .min = 2});
    field("heads", &O::heads,
          {.help = "attention heads of the attention pool",
           .source = "docs/method.md#encoders",
           .min = 1});
    field("output_dim", &O::output_dim,
          {.help = "width of the attention pool's output",
           .unit = "channels",
           .source = "docs/method.md#encoders",
           .min = 1});
    field("resolution", &O::resolution,
          {.help = "image size the attention pool's positions are made for",
           .unit = "px",
           .source = "docs/method.md#encoders",
           .min = 1});
    field("attention_pool", &O::attention_pool,
          {.help = "build the attention pool (real CLIP weights have one; it is not on the "
                   "training path)"});
  }
};

/// CLIP's text transformer. The defaults are RN50's.
struct TextOptions {
  Choice<TokenizerKind> tokenizer = "bpe";
  std::int64_t width = 512;
  std::int64_t heads = 8;
  std::int64_t layers = 12;
  std::int64_t context_length = 77;  // rows of the positional embedding
  std::int64_t output_dim = 1024;

  template <class Visitor>
  static void fields(Visitor&& field) {
    using O = TextOptions;
    field("tokenizer", &O::tokenizer,
          {.help = "bpe: CLIP's byte-pair encoding; words: one token for each word of the training "
                   "texts, for small benchmarks",
           .source = "docs/method.md#encoders",
           .packed = true});
    field("width", &O::width,
          {.help = "width of the text transformer",
           .unit = "channels",
           .source = "docs/method.md#encoders",
           .min = 1});
    field("heads", &O::heads,
          {.help = "attention heads; they divide the width",
           .source = "docs/method.md#encoders",
           .min = 1});
    field("layers", &O::layers,
          {.help = "transformer blocks", .source = "docs/method.md#encoders", .min = 1});
    field("context_length", &O::context_length,
          {.help = "rows of the positional embedding",
           .unit = "tokens",
           .source = "docs/method.md#encoders",
           .min = 3});
    field("output_dim", &O::output_dim,
          {.help = "width of the text feature",
           .unit = "channels",
           .source = "docs/method.md#encoders",
           .min = 1});
  }
};

/// Both encoders and where their weights come from.
struct ClipOptions {
  std::string weights;  // empty: random
  Choice<ClipArchitecture> architecture = "custom";
  VisualOptions visual;
  TextOptions text;

  template <class Visitor>
  static void fields(Visitor&& field) {
    using O = ClipOptions;
    field(
        "weights", &O::weights,
        {.help = "what a new run starts from: a run of this program (its whole model), or any file "
                 "that holds CLIP with a ResNet (its encoders); empty: random weights; model.init "
                 "takes the whole of any of these",
         .path = true});
    field("architecture", &O::architecture,
          {.help = "a published CLIP with a ResNet, which sets the keys of visual and text below; "
                   "custom: they are as they stand, by default RN50's",
           .source = "docs/method.md#encoders",
           .affects = Affects::kNothing});
    field("visual", &O::visual, {.help = "image encoder"});
    field("text", &O::text, {.help = "text encoder"});
  }
};

/// The CLIPs with a ResNet that OpenAI published: "RN50", "RN101", ...
std::vector<std::string> published_clips();

/// A published architecture by its name, or "tiny", encoders of 32 px pictures for tests.
/// UsageError for another name.
ClipOptions clip_architecture(const std::string& name);

/// `options` with what their `architecture` says of both encoders; the same when it is "custom".
/// The tokenizer and whether there is an attention pool are no part of it.
ClipOptions with_architecture(ClipOptions options);

}  // namespace pcnet::config
