#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/engine/checkpoint.h"
#include "pcnet/weight_tools/weight_names.h"
#include "pcnet/weight_tools/weight_tools.h"

#include "tensor_walk.h"

namespace pcnet::weight_tools {

namespace fs = std::filesystem;
using core::cat;
using Json = nlohmann::ordered_json;

namespace {

/// Metadata of our own checkpoints that are documents: shown as such, not as strings.
constexpr std::array<const char*, 3> kDocuments = {"config", "vocabulary", "state"};

Json metadata_json(const std::map<std::string, std::string>& metadata) {
  Json out = Json::object();
  for (const auto& [key, text] : metadata) {
    const bool document = std::find(kDocuments.begin(), kDocuments.end(), key) != kDocuments.end();
    Json parsed = document ? core::try_parse_json<Json>(text) : Json(text);
    out[key] = parsed.is_discarded() ? Json(text) : std::move(parsed);
  }
  return out;
}

/// Adds a tensor to a group of the document: how many, and how many numbers.
void count_in(Json& group, const at::Tensor& tensor) {
  if (group.is_null()) group = {{"tensors", 0}, {"elements", 0}};
  group["tensors"] = group["tensors"].get<std::int64_t>() + 1;
  group["elements"] = group["elements"].get<std::int64_t>() + tensor.numel();
}

Json architecture_json(const clip::Architecture& architecture) {
  const auto& visual = architecture.options.visual;
  const auto& text = architecture.options.text;
  return {{"name", architecture.name.empty() ? Json() : Json(architecture.name)},
          {"vocabulary_size", architecture.vocabulary_size},
          {"visual",
           {{"layers", visual.layers},
            {"width", visual.width},
            {"heads", visual.heads},
            {"output_dim", visual.output_dim},
            {"resolution", visual.resolution},
            {"attention_pool", visual.attention_pool}}},
          {"text",
           {{"width", text.width},
            {"heads", text.heads},
            {"layers", text.layers},
            {"context_length", text.context_length},
            {"output_dim", text.output_dim}}}};
}

Json fit_json(const weights::Fit& fit) {
  Json mismatched = Json::array();
  for (const auto& [name, got, wanted] : fit.mismatched) {
    mismatched.push_back({{"name", name}, {"got", got}, {"wanted", wanted}});
  }
  return {{"fits", fit.fits()},
          {"fitting", fit.fitting.size()},
          {"missing", fit.missing},
          {"unexpected", fit.unexpected},
          {"mismatched", mismatched}};
}

/// Minimum, maximum, mean and deviation of the finite numbers, and how many are not.
Json statistics_of(const at::Tensor& tensor) {
  double least = std::numeric_limits<double>::infinity();
  double greatest = -least;
  double sum = 0;
  double squares = 0;
  std::int64_t finite_count = 0;
  visit_numbers(tensor, [&](const at::Tensor& piece) {
    const at::Tensor is_finite = piece.isfinite();
    const at::Tensor finite = is_finite.all().item<bool>() ? piece : piece.masked_select(is_finite);
    if (finite.numel() == 0) return;
    least = std::min(least, finite.min().item<double>());
    greatest = std::max(greatest, finite.max().item<double>());
    sum += finite.sum().item<double>();
    squares += finite.square().sum().item<double>();
    finite_count += finite.numel();
  });
  Json out = {{"non_finite", tensor.numel() - finite_count}};
  if (finite_count == 0) return out;
  const auto count = static_cast<double>(finite_count);
  const double mean = sum / count;
  out.update({{"min", least},
              {"max", greatest},
              {"mean", mean},
              {"std", std::sqrt(std::max(0.0, squares / count - mean * mean))}});
  return out;
}

Json place(const char* where, const std::string& what, const std::vector<std::string>& settings) {
  return {{"where", where}, {"what", what}, {"set", settings}};
}

bool holds_optimizer(const weights::WeightFile& file) {
  return std::any_of(file.content.tensors.begin(), file.content.tensors.end(),
                     [](const auto& item) { return item.first.starts_with("optimizer."); });
}

/// Where in this program a file that fits its layout would load.
Json places(const weights::WeightFile& file, weights::Layout layout,
            const clip::Architecture& encoders, std::size_t encoder_tensors) {
  Json out = Json::array();
  const bool own_run = file.content.metadata.contains("config");
  const bool whole = own_run || layout == weights::Layout::kOfficialTris ||
                     layout == weights::Layout::kOfficialPcnet;
  const auto settings = clip::settings_for(encoders.options, config::ClipOptions{});
  if (whole) out.push_back(place("eval, predict", "the whole model", {}));
  if (own_run && holds_optimizer(file)) {
    out.push_back(place("train --resume", "the whole state of training", {}));
  }
  if (whole) out.push_back(place("train --init", "the whole model", settings));
  const std::string name = encoders.name.empty() ? "CLIP" : encoders.name;
  out.push_back(place("model.clip.weights",
                      cat("the ", encoder_tensors, " tensors of ", name, "'s encoders"), settings));
  return out;
}

/// Everything that depends on which model the file holds.
void describe_model(Json& document, const weights::WeightFile& file,
                    const weights::StateDict& state) {
  const auto encoder_tensors = clip::clip_tensors(state);
  const std::string hidden = weights::hidden_tensors_note(file);
  if (!hidden.empty()) document["advice"] = hidden;
  const std::string hint = hidden.empty() ? weights::advice(state.layout) : hidden;
  if (encoder_tensors.empty()) {
    document["advice"] = hint.empty() ? "it holds no encoders" : hint;
    return;
  }
  const auto encoders = clip::architecture_of(file, encoder_tensors);
  const auto fit = fit_of(state, state.layout, encoders);
  document["architecture"] = architecture_json(encoders);
  document["fit"] = fit_json(fit);
  if (fit.fits()) document["loads"] = places(file, state.layout, encoders, encoder_tensors.size());
}

Json tensor_rows(const weights::WeightFile& file, const InspectionRequest& request) {
  Json rows = Json::array();
  std::uint64_t bytes = 0;
  for (const auto& [name, tensor] : file.content.tensors) bytes += tensor.nbytes();
  ByteProgress progress("reading", bytes);
  for (const auto& [name, tensor] : file.content.tensors) {
    Json row = {{"name", name},
                {"dtype", dtype_name(tensor.scalar_type())},
                {"shape", tensor.sizes().vec()}};
    if (request.statistics) {
      row.update(statistics_of(tensor));
      progress.add(tensor);
    }
    rows.push_back(std::move(row));
  }
  if (request.statistics) progress.finish();
  return rows;
}

}  // namespace

weights::WeightFile open_weights_or_run(const fs::path& path) {
  return weights::open_weights(
      fs::is_directory(path / "checkpoints") ? engine::find_checkpoint(path) : path);
}

Json inspect_weights(const weights::WeightFile& file, const InspectionRequest& request) {
  const auto state = weights::find_state_dict(file);
  std::int64_t parameters = 0;
  std::uint64_t bytes = 0;
  Json parts = Json::object();
  for (const auto& [name, tensor] : state.tensors) {
    if (!is_buffer(name)) parameters += tensor.numel();
    count_in(parts[part_of(name, state.layout)], tensor);
  }
  Json dtypes = Json::object();
  for (const auto& [name, tensor] : file.content.tensors) {
    count_in(dtypes[dtype_name(tensor.scalar_type())], tensor);
    bytes += tensor.nbytes();
  }
  Json values = Json::object();
  for (const auto& [name, value] : file.values) values[name] = value;
  Json document = {{"file", file.path.string()},
                   {"format", weights::to_string(file.container)},
                   {"layout", weights::to_string(state.layout)},
                   {"prefix", state.prefix},
                   {"tensors", file.content.tensors.size()},
                   {"tensor_bytes", bytes},
                   {"model_tensors", state.tensors.size()},
                   {"parameters", parameters},
                   {"parts", parts},
                   {"dtypes", dtypes},
                   {"left_out", state.left_out},
                   {"values", values},
                   {"opaque", opaque_json(file)},
                   {"hidden_tensors", file.hidden_tensors},
                   {"metadata", metadata_json(file.content.metadata)},
                   {"architecture", nullptr},
                   {"fit", nullptr},
                   {"loads", Json::array()},
                   {"advice", nullptr}};
  describe_model(document, file, state);
  if (request.tensors || request.statistics) {
    document["tensor_list"] = tensor_rows(file, request);
  }
  return document;
}

Json inspect_weights(const InspectionRequest& request) {
  return inspect_weights(open_weights_or_run(request.path), request);
}

}  // namespace pcnet::weight_tools
