#include <cmath>
#include <string_view>

#include <torch/types.h>

#include "pcnet/clip/modified_resnet.h"
#include "pcnet/clip/weights.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::clip {

using core::cat;
using core::Error;

namespace {

using Tensors = std::map<std::string, at::Tensor>;
using Shape = std::vector<std::int64_t>;

constexpr std::int64_t kHeadChannels = 64;  // in all published CLIPs
constexpr std::int64_t kMostLayers = 8;     // widths double, and must stay numbers
constexpr std::int64_t kExpansion = BottleneckImpl::kExpansion;

/// Reads sizes off tensors; every fault names the file and the tensor.
class Sizes {
 public:
  Sizes(const Tensors& tensors, const std::string& source) : tensors_(tensors), source_(source) {}

  bool has(const std::string& name) const { return tensors_.contains(name); }

  /// One side of a tensor of so many dimensions, at least 1.
  std::int64_t of(const std::string& name, std::int64_t dimensions, std::int64_t dim) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) {
      throw Error(cat(source_, ": no tensor ", name, ", which tells CLIP's architecture"));
    }
    const at::Tensor& tensor = found->second;
    if (tensor.dim() != dimensions || tensor.size(dim) < 1) {
      fail(name, cat("wanted ", dimensions, " dimensions, none of them empty"));
    }
    return tensor.size(dim);
  }

  [[noreturn]] void fail(const std::string& name, const std::string& wanted) const {
    throw Error(cat(source_, ": ", name, " is ", tensors_.at(name).sizes(), ", ", wanted));
  }

  /// How many of `prefix<i>suffix`, counted from `first`, are there.
  std::int64_t count(const std::string& prefix, std::int64_t first,
                     const std::string& suffix) const {
    std::int64_t i = first;
    while (has(cat(prefix, i, suffix))) ++i;
    return i - first;
  }

 private:
  const Tensors& tensors_;
  const std::string& source_;
};

std::int64_t heads_of(std::int64_t channels) {
  return channels < kHeadChannels ? 1 : channels / kHeadChannels;
}

config::VisualOptions visual_options(const Sizes& sizes) {
  config::VisualOptions options;
  options.width = sizes.of("visual.layer1.0.conv1.weight", 4, 0);
  const std::int64_t layers = sizes.count("visual.layer", 1, ".0.conv1.weight");
  if (layers > kMostLayers) {
    sizes.fail("visual.layer1.0.conv1.weight",
               cat("the first of ", layers, " layers, wanted at most ", kMostLayers));
  }
  options.layers.clear();
  options.strides.clear();
  std::int64_t stride = 4;  // the stem's
  for (std::int64_t i = 1; i <= layers; ++i) {
    options.layers.push_back(sizes.count(cat("visual.layer", i, "."), 0, ".conv1.weight"));
    options.strides.push_back(i == 1 ? 1 : 2);
    stride *= options.strides.back();
  }
  const std::int64_t channels = sizes.of(cat("visual.layer", layers, ".0.conv3.weight"), 4, 0);
  options.heads = heads_of(channels);
  const std::string positions = "visual.attnpool.positional_embedding";
  options.attention_pool = sizes.has(positions);
  if (!options.attention_pool) return options;
  const std::int64_t rows = sizes.of(positions, 2, 0);
  const auto grid = std::llround(std::sqrt(static_cast<double>(rows - 1)));
  if (grid < 1 || grid * grid + 1 != rows) {
    sizes.fail(positions, "wanted a row for the mean and a square grid of them");
  }
  options.resolution = grid * stride;
  options.output_dim = sizes.of("visual.attnpool.c_proj.weight", 2, 0);
  return options;
}

config::TextOptions text_options(const Sizes& sizes) {
  config::TextOptions options;
  options.width = sizes.of("positional_embedding", 2, 1);
  options.context_length = sizes.of("positional_embedding", 2, 0);
  options.heads = heads_of(options.width);
  options.layers = sizes.count("transformer.resblocks.", 0, ".ln_1.weight");
  options.output_dim = sizes.of("text_projection", 2, 1);
  return options;
}

/// Collects names with shapes.
class Expected {
 public:
  void add(const std::string& name, const Shape& shape) {
    tensors.emplace(name, torch::empty(shape, torch::TensorOptions().device(torch::kMeta)));
  }
  void add_linear(const std::string& name, std::int64_t in, std::int64_t out) {
    add(name + ".weight", {out, in});
    add(name + ".bias", {out});
  }
  void add_layer_norm(const std::string& name, std::int64_t width) {
    add(name + ".weight", {width});
    add(name + ".bias", {width});
  }
  /// A convolution without bias and the batch norm behind it.
  void add_convolution(const std::string& name, const std::string& norm, const Shape& shape) {
    add(name + ".weight", shape);
    for (const char* part : {".weight", ".bias", ".running_mean", ".running_var"}) {
      add(norm + part, {shape[0]});
    }
    add(norm + ".num_batches_tracked", {});
  }

  Tensors tensors;
};

void add_bottleneck(Expected& expected, const std::string& name, std::int64_t in,
                    std::int64_t width, bool shortcut) {
  const std::int64_t out = width * kExpansion;
  expected.add_convolution(name + "conv1", name + "bn1", {width, in, 1, 1});
  expected.add_convolution(name + "conv2", name + "bn2", {width, width, 3, 3});
  expected.add_convolution(name + "conv3", name + "bn3", {out, width, 1, 1});
  if (shortcut) {
    expected.add_convolution(name + "downsample.0", name + "downsample.1", {out, in, 1, 1});
  }
}

void add_visual(Expected& expected, const config::VisualOptions& options) {
  const std::int64_t half = options.width / 2;
  expected.add_convolution("visual.conv1", "visual.bn1", {half, 3, 3, 3});
  expected.add_convolution("visual.conv2", "visual.bn2", {half, half, 3, 3});
  expected.add_convolution("visual.conv3", "visual.bn3", {options.width, half, 3, 3});
  std::int64_t channels = options.width;
  std::int64_t stride_so_far = 4;
  for (std::size_t i = 0; i < options.layers.size(); ++i) {
    const std::int64_t width = options.width << i;
    for (std::int64_t block = 0; block < options.layers[i]; ++block) {
      const bool shortcut =
          block == 0 && (options.strides[i] > 1 || channels != width * kExpansion);
      add_bottleneck(expected, cat("visual.layer", i + 1, ".", block, "."), channels, width,
                     shortcut);
      channels = width * kExpansion;
    }
    stride_so_far *= options.strides[i];
  }
  if (!options.attention_pool) return;
  const std::int64_t grid = options.resolution / stride_so_far;
  expected.add("visual.attnpool.positional_embedding", {grid * grid + 1, channels});
  for (const char* part : {"q_proj", "k_proj", "v_proj"}) {
    expected.add_linear(cat("visual.attnpool.", part), channels, channels);
  }
  expected.add_linear("visual.attnpool.c_proj", channels, options.output_dim);
}

void add_text(Expected& expected, const config::TextOptions& options, std::int64_t vocabulary) {
  const std::int64_t width = options.width;
  for (std::int64_t i = 0; i < options.layers; ++i) {
    const std::string block = cat("transformer.resblocks.", i, ".");
    expected.add_layer_norm(block + "ln_1", width);
    expected.add_layer_norm(block + "ln_2", width);
    expected.add(block + "attn.in_proj_weight", {3 * width, width});
    expected.add(block + "attn.in_proj_bias", {3 * width});
    expected.add_linear(block + "attn.out_proj", width, width);
    expected.add_linear(block + "mlp.c_fc", width, 4 * width);
    expected.add_linear(block + "mlp.c_proj", 4 * width, width);
  }
  expected.add("token_embedding.weight", {vocabulary, width});
  expected.add("positional_embedding", {options.context_length, width});
  expected.add_layer_norm("ln_final", width);
  expected.add("text_projection", {width, options.output_dim});
  expected.add("logit_scale", {});
}

}  // namespace

config::ClipOptions options_of(const Tensors& tensors, const std::string& source) {
  const Sizes sizes(tensors, source);
  config::ClipOptions options;
  options.visual = visual_options(sizes);
  options.text = text_options(sizes);
  if (!options.visual.attention_pool) options.visual.output_dim = options.text.output_dim;
  return options;
}

Architecture architecture_of(const config::ClipOptions& options, std::int64_t vocabulary_size) {
  for (const auto& name : config::published_clips()) {
    if (settings_for(options, config::clip_architecture(name)).empty()) {
      return {name, options, vocabulary_size};
    }
  }
  return {"", options, vocabulary_size};
}

Architecture architecture_of(const Tensors& tensors, const std::string& source) {
  return architecture_of(options_of(tensors, source),
                         Sizes(tensors, source).of("token_embedding.weight", 2, 0));
}

Tensors expected_tensors(const Architecture& architecture) {
  Expected expected;
  add_visual(expected, architecture.options.visual);
  add_text(expected, architecture.options.text, architecture.vocabulary_size);
  return std::move(expected.tensors);
}

}  // namespace pcnet::clip
