#include <algorithm>
#include <cmath>
#include <limits>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/engine/checkpoint.h"
#include "pcnet/freesolo/weights.h"
#include "pcnet/sam/sam.h"
#include "pcnet/weight_tools/weight_names.h"
#include "pcnet/weight_tools/weight_tools.h"

#include "tensor_walk.h"

namespace pcnet::weight_tools {

namespace fs = std::filesystem;
using core::cat;

namespace {

/// Adds a tensor to the count of that name.
void count_in(std::vector<Inspection::Count>& counts, const std::string& name,
              const at::Tensor& tensor) {
  auto found = std::find_if(counts.begin(), counts.end(),
                            [&](const auto& count) { return count.name == name; });
  if (found == counts.end()) found = counts.insert(counts.end(), {name, 0, 0});
  ++found->tensors;
  found->elements += tensor.numel();
}

Statistics statistics_of(const at::Tensor& tensor) {
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
  Statistics out{.non_finite = tensor.numel() - finite_count, .finite = {}};
  if (finite_count == 0) return out;
  const auto count = static_cast<double>(finite_count);
  const double mean = sum / count;
  out.finite = {.min = least,
                .max = greatest,
                .mean = mean,
                .deviation = std::sqrt(std::max(0.0, squares / count - mean * mean))};
  return out;
}

bool holds_optimizer(const weights::WeightFile& file) {
  return std::any_of(file.content.tensors.begin(), file.content.tensors.end(),
                     [](const auto& item) { return item.first.starts_with("optimizer."); });
}

/// Where in this program a file that fits its layout would load.
std::vector<Inspection::Place> places(const weights::WeightFile& file, weights::Layout layout,
                                      const clip::Architecture& encoders,
                                      std::size_t encoder_tensors) {
  std::vector<Inspection::Place> out;
  const bool own_run = file.content.metadata.contains("config");
  const bool whole = own_run || layout == weights::Layout::kOfficialTris ||
                     layout == weights::Layout::kOfficialPcnet;
  const auto settings = clip::settings_for(encoders.options, config::ClipOptions{});
  if (whole) out.push_back({"eval, predict", "the whole model", {}});
  if (own_run && holds_optimizer(file)) {
    out.push_back({"train --resume", "the whole state of training", {}});
  }
  if (whole) out.push_back({"train --init", "the whole model", settings});
  const std::string name = encoders.name.empty() ? "CLIP" : encoders.name;
  out.push_back({"model.clip.weights",
                 cat("the ", encoder_tensors, " tensors of ", name, "'s encoders"), settings});
  return out;
}

void look_at_encoders(Inspection& found, const weights::WeightFile& file,
                      const weights::StateDict& state) {
  const auto encoder_tensors = clip::clip_tensors(state);
  if (encoder_tensors.empty()) {
    if (found.advice.empty()) found.advice = weights::advice(state.layout);
    if (found.advice.empty()) found.advice = "it holds no encoders";
    return;
  }
  const auto encoders = clip::architecture_of(file, encoder_tensors);
  found.architecture = encoders;
  found.fit = fit_of(state, state.layout, encoders);
  if (found.fit->fits()) {
    found.loads = places(file, state.layout, encoders, encoder_tensors.size());
  }
}

/// Where a segmentor loads when it fits what is expected.
void look_at_segmentor(Inspection& found, const weights::StateDict& state,
                       const std::map<std::string, at::Tensor>& expected, const char* where) {
  found.fit = weights::compare(expected, state.tensors);
  if (found.fit->fits()) found.loads = {{where, "the whole model", {}}};
}

/// Everything that depends on which model the file holds.
void look_at_model(Inspection& found, const weights::WeightFile& file,
                   const weights::StateDict& state) {
  using weights::Layout;
  found.advice = weights::hidden_tensors_note(file);
  switch (state.layout) {
    case Layout::kSam:
      try {
        found.sam = sam::options_of(state.tensors, file.path.string());
      } catch (const core::Error& error) {  // too little of it is there to tell which SAM it is
        found.advice = error.what();
        return;
      }
      return look_at_segmentor(found, state, sam::expected_tensors(*found.sam),
                               "proposals make --weights");
    case Layout::kFreesolo:
      return look_at_segmentor(found, state, freesolo::expected_tensors(),
                               "proposals make --source freesolo --weights");
    case Layout::kHuggingFaceSam:
    case Layout::kSam2:
    case Layout::kSamHq:
    case Layout::kEfficientSam:
    case Layout::kYolo:
      found.advice = cat("it is ", weights::to_string(state.layout), ", which is not read; wanted ",
                         sam::kKnownFiles);
      return;
    default:
      return look_at_encoders(found, file, state);
  }
}

std::vector<Inspection::TensorRow> tensor_rows(const weights::WeightFile& file,
                                               const InspectionRequest& request) {
  std::vector<Inspection::TensorRow> rows;
  std::uint64_t bytes = 0;
  for (const auto& [name, tensor] : file.content.tensors) bytes += tensor.nbytes();
  ByteProgress progress("reading", bytes);
  for (const auto& [name, tensor] : file.content.tensors) {
    rows.push_back({name, dtype_name(tensor.scalar_type()), tensor.sizes().vec(), {}});
    if (!request.statistics) continue;
    rows.back().statistics = statistics_of(tensor);
    progress.add(tensor);
  }
  if (request.statistics) progress.finish();
  return rows;
}

}  // namespace

weights::WeightFile open_weights_or_run(const fs::path& path) {
  return weights::open_weights(
      fs::is_directory(path / "checkpoints") ? engine::find_checkpoint(path) : path);
}

Inspection inspect_weights(const InspectionRequest& request) {
  const auto file = open_weights_or_run(request.path);
  const auto state = weights::find_state_dict(file);
  Inspection found;
  found.file = file.path.string();
  found.format = weights::to_string(file.container);
  found.layout = weights::to_string(state.layout);
  found.prefix = state.prefix;
  found.tensors = file.content.tensors.size();
  found.model_tensors = state.tensors.size();
  for (const auto& [name, tensor] : state.tensors) {
    if (!is_buffer(name)) found.parameters += tensor.numel();
    count_in(found.parts, part_of(name, state.layout), tensor);
  }
  for (const auto& [name, tensor] : file.content.tensors) {
    count_in(found.dtypes, dtype_name(tensor.scalar_type()), tensor);
    found.tensor_bytes += tensor.nbytes();
  }
  found.left_out = state.left_out;
  found.values = file.values;
  found.opaque = file.opaque;
  found.hidden_tensors = file.hidden_tensors;
  found.metadata = file.content.metadata;
  look_at_model(found, file, state);
  if (request.tensors || request.statistics) found.tensor_list = tensor_rows(file, request);
  return found;
}

}  // namespace pcnet::weight_tools
