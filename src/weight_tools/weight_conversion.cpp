#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <utility>

#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/log.h"
#include "pcnet/engine/checkpoint.h"
#include "pcnet/weight_tools/weight_names.h"
#include "pcnet/weight_tools/weight_tools.h"
#include "pcnet/weights/safetensors.h"

#include "tensor_walk.h"

namespace pcnet::weight_tools {

namespace fs = std::filesystem;
using core::cat;
using core::Error;
using core::UsageError;
using weights::Layout;

namespace {

constexpr std::array<Layout, 4> kWritable = {Layout::kPcnet, Layout::kOfficialPcnet,
                                             Layout::kOfficialTris, Layout::kOpenaiClip};

std::string ending_of(const fs::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending;
}

bool is_official(std::optional<Layout> layout) {
  return layout == Layout::kOfficialPcnet || layout == Layout::kOfficialTris;
}

/// @return whether OUT is a safetensors file (or else a PyTorch checkpoint)
bool check_out(const ConversionRequest& request, const fs::path& in) {
  const std::string ending = ending_of(request.out);
  const std::string out = request.out.string();
  const bool safetensors = ending == ".safetensors";
  if (!safetensors && ending != ".pt" && ending != ".pth") {
    throw UsageError(
        cat("OUT ", out, ": its ending decides the format, wanted .safetensors, .pt ", "or .pth"));
  }
  if (request.layout == Layout::kPcnet && !safetensors) {
    throw UsageError(cat("OUT ", out, ": layout pcnet is a .safetensors file"));
  }
  if (is_official(request.layout) && safetensors) {
    throw UsageError(cat("OUT ", out, ": layout ", weights::to_string(*request.layout),
                         " is a PyTorch checkpoint, wanted .pth or .pt"));
  }
  if (fs::is_directory(request.out)) throw UsageError(cat("OUT ", out, " is a folder"));
  if (fs::exists(request.out) && fs::equivalent(in, request.out)) {
    throw UsageError(cat("OUT ", out, " is IN: give the result another name"));
  }
  return safetensors;
}

at::ScalarType parse_dtype(const std::string& name) {
  if (name == "same") return at::ScalarType::Undefined;
  if (name == "f32") return at::kFloat;
  if (name == "f16") return at::kHalf;
  if (name == "bf16") return at::kBFloat16;
  throw UsageError(cat("--dtype ", name, ": wanted f32, f16, bf16 or same"));
}

/// The model's tensors in the file's order, under their reference names.
weights::TensorFile model_of(const weights::WeightFile& file, const weights::StateDict& state) {
  weights::TensorFile out;
  out.metadata = file.content.metadata;
  engine::forget_file(out.metadata);
  for (const auto& [name, tensor] : file.content.tensors) {
    if (!name.starts_with(state.prefix)) continue;
    std::string bare = name.substr(state.prefix.size());
    if (state.tensors.contains(bare)) out.tensors.emplace_back(std::move(bare), tensor);
  }
  return out;
}

/// CLIP's tensors with `backbone.` taken off or put on.
weights::TensorFile encoders_of(const weights::TensorFile& model, Layout from, Layout to) {
  weights::TensorFile out = model;
  if (from == Layout::kOpenaiClip) {
    if (to == Layout::kOpenaiClip) return out;
    for (auto& [name, tensor] : out.tensors) name.insert(0, weights::kBackbone);
    return out;
  }
  std::erase_if(out.tensors,
                [](const auto& item) { return !item.first.starts_with(weights::kBackbone); });
  for (auto& [name, tensor] : out.tensors) name.erase(0, weights::kBackbone.size());
  out.metadata.clear();  // it is about the whole model
  return out;
}

/// Error unless the file holds all that the layout has, and nothing else.
void check_complete(const weights::WeightFile& file, const weights::StateDict& state, Layout to) {
  const auto fit =
      fit_of(state, to, clip::architecture_of(clip::clip_tensors(state), file.path.string()));
  if (fit.fits()) return;
  throw Error(cat(file.path.string(), " cannot be written as ", weights::to_string(to), ": ",
                  weights::to_line(fit)));
}

weights::TensorFile in_layout(const weights::WeightFile& file, const weights::StateDict& state,
                              Layout to) {
  const std::string source = file.path.string();
  const std::string hint = weights::advice(state.layout);
  if (!hint.empty()) {
    throw UsageError(cat(source, " cannot be written as ", weights::to_string(to), ": ", hint));
  }
  auto model = model_of(file, state);
  const bool clip_alone = state.layout == Layout::kOpenaiClip;
  if (is_official(to) && clip_alone) {
    throw UsageError(cat(source, " holds CLIP's encoders alone: ", weights::to_string(to),
                         " has projections and attention blocks too"));
  }
  if (is_official(to)) check_complete(file, state, to);
  if (to == Layout::kOpenaiClip || clip_alone) {
    model = encoders_of(model, state.layout, to);
    if (model.tensors.empty()) throw Error(cat(source, " holds no encoders (backbone.*)"));
  }
  return model;
}

/// Of an official checkpoint its `epoch`, of our own the epoch of its state, else 0.
std::int64_t epoch_of(const weights::WeightFile& file) {
  const auto state = file.content.metadata.find("state");
  if (state != file.content.metadata.end()) {
    const auto json = core::try_parse_json<nlohmann::json>(state->second);
    if (json.is_object() && json.contains("epoch") && json["epoch"].is_number_integer()) {
      return json["epoch"].get<std::int64_t>();
    }
  }
  for (const auto& [name, value] : file.values) {
    std::int64_t epoch = 0;
    const char* end = value.data() + value.size();
    if (name == "epoch" && std::from_chars(value.data(), end, epoch).ptr == end) return epoch;
  }
  return 0;
}

/// @return bytes of the file
std::uint64_t write(const ConversionRequest& request, const weights::WeightFile& file,
                    const weights::TensorFile& content, bool safetensors) {
  const at::ScalarType floats = parse_dtype(request.dtype);
  std::uint64_t bytes = 0;
  for (const auto& [name, tensor] : content.tensors) {
    bytes += weights::written_bytes(tensor, floats);
  }
  ByteProgress progress("writing", bytes);
  const weights::WriteOptions options = {
      .floats = floats, .progress = [&](std::uint64_t written) { progress.update(written); }};
  if (safetensors) {
    const std::uint64_t written = weights::write_safetensors(request.out, content, options);
    progress.finish();
    return written;
  }
  if (!content.metadata.empty()) {
    core::log::warning(cat("a PyTorch checkpoint has no place for the metadata of ",
                           file.path.string(), ": left out"));
  }
  weights::PthLayout layout;
  if (is_official(request.layout)) {
    layout = {.key = "model",
              .numbers = {{"epoch", epoch_of(file)}},
              .empty = {"optimizer", "lr_scheduler"}};
  }
  const std::uint64_t written = weights::write_pth(request.out, content, layout, options);
  progress.finish();
  return written;
}

}  // namespace

Layout parse_layout(const std::string& name) {
  std::vector<std::string> names;
  for (const Layout layout : kWritable) {
    names.push_back(weights::to_string(layout));
    if (names.back() == name) return layout;
  }
  throw UsageError(cat("--layout ", name, ": wanted one of ", core::join(names, ", ")));
}

Conversion convert_weights(const ConversionRequest& request) {
  (void)parse_dtype(request.dtype);  // wrong usage is told before a file is opened
  const auto file = open_weights_or_run(request.in);
  const bool safetensors = check_out(request, file.path);
  const auto state = weights::find_state_dict(file);
  const auto content = request.layout ? in_layout(file, state, *request.layout) : file.content;
  const std::uint64_t bytes = write(request, file, content, safetensors);
  return {.in = file.path.string(),
          .out = request.out.string(),
          .from = weights::to_string(state.layout),
          .layout = request.layout,
          .tensors = content.tensors.size(),
          .bytes = bytes,
          .left_out = file.content.tensors.size() - content.tensors.size(),
          .opaque = file.opaque};
}

}  // namespace pcnet::weight_tools
