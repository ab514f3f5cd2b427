#include "pcnet/engine/non_finite.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/log.h"

namespace pcnet::engine {

using core::cat;
using nlohmann::ordered_json;

namespace {

constexpr std::size_t kNamed = 10;  // tensors that the report names

/// A number as text; the sign of a nan says nothing.
std::string number(double value) { return std::isnan(value) ? "nan" : cat(value); }

/// JSON has no nan and no infinity.
ordered_json json_number(double value) {
  return std::isfinite(value) ? ordered_json(value) : ordered_json(number(value));
}

std::string describe(const std::string& what, double value, const StepReport& report) {
  std::vector<std::string> parts;
  for (const auto& [name, term] : report.terms) parts.push_back(cat(name, " ", number(term)));
  return cat("the ", what, " is ", number(value), " at step ", report.step, " (",
             core::join(parts, ", "), ")");
}

bool is_finite(const at::Tensor& tensor) {
  return !tensor.is_floating_point() || tensor.detach().isfinite().all().item<bool>();
}

/// The names of the first tensors that are not finite; undefined ones count as finite.
std::vector<std::string> first_bad(const std::vector<std::pair<std::string, at::Tensor>>& tensors) {
  std::vector<std::string> bad;
  for (const auto& [name, tensor] : tensors) {
    if (bad.size() == kNamed) break;
    if (tensor.defined() && !is_finite(tensor)) bad.push_back(name);
  }
  return bad;
}

std::vector<std::pair<std::string, at::Tensor>> gradients_of(const ParameterGroup& group) {
  std::vector<std::pair<std::string, at::Tensor>> gradients;
  for (const auto& [name, parameter] : group.parameters) {
    gradients.emplace_back(name, parameter.grad());
  }
  return gradients;
}

double norm_of(const std::vector<std::pair<std::string, at::Tensor>>& tensors) {
  double squares = 0;
  for (const auto& [name, tensor] : tensors) {
    if (!tensor.defined()) continue;
    const double norm = at::linalg_vector_norm(tensor.detach().to(at::kDouble)).item<double>();
    squares += norm * norm;
  }
  return std::sqrt(squares);
}

ordered_json groups_json(const AdamW& optimizer, bool has_gradients) {
  ordered_json groups = ordered_json::array();
  for (const auto& group : optimizer.groups()) {
    ordered_json one = {{"name", group.name},
                        {"tensors", group.parameters.size()},
                        {"weight_norm", json_number(norm_of(group.parameters))}};
    if (has_gradients) {
      const auto gradients = gradients_of(group);
      one["gradient_norm"] = json_number(norm_of(gradients));
      one["non_finite_gradients"] = first_bad(gradients);
    }
    groups.push_back(one);
  }
  return groups;
}

/// The ids of row `i` of an index of a batch; empty for an undefined one.
std::vector<std::int64_t> row_of(const at::Tensor& tensor, std::int64_t i) {
  if (!tensor.defined()) return {};
  const at::Tensor row = tensor[i].reshape({-1}).to(at::kCPU).contiguous();
  const auto* values = row.const_data_ptr<std::int64_t>();
  return {values, values + row.numel()};
}

ordered_json samples_json(const data::Batch& batch, const text::Tokenizer& tokenizer) {
  ordered_json samples = ordered_json::array();
  for (std::int64_t i = 0; i < batch.size(); ++i) {
    ordered_json one = ordered_json::object();
    for (const auto id : row_of(batch.image_ids, i)) one["image_id"] = id;
    for (const auto id : row_of(batch.ref_ids, i)) {
      if (id >= 0) one["ref_id"] = id;
    }
    for (const auto id : row_of(batch.sent_ids, i)) {
      if (id >= 0) one["sent_ids"].push_back(id);
    }
    for (const auto text : row_of(batch.text_index, i)) {
      one["texts"].push_back(tokenizer.decode(row_of(batch.tokens, text)));
    }
    samples.push_back(one);
  }
  return samples;
}

}  // namespace

NonFiniteStep::NonFiniteStep(std::string what, double value, StepReport report)
    : core::Error(describe(what, value, report)),
      what_(std::move(what)),
      value_(value),
      report_(std::move(report)) {}

ordered_json non_finite_report(const NonFiniteStep& fault, const data::Batch& batch,
                               const TrainState& state, const torch::nn::Module& module,
                               const AdamW& optimizer, const text::Tokenizer& tokenizer) {
  const StepReport& report = fault.report();
  ordered_json loss = {{"total", json_number(report.loss)}};
  for (const auto& [name, value] : report.terms) loss[name] = json_number(value);
  ordered_json document = {{"step", report.step},
                           {"epoch", state.epoch},
                           {"lr", report.learning_rate},
                           {"fault", fault.fault()},
                           {"loss", loss}};
  if (fault.has_gradients()) document["gradient_norm"] = json_number(report.gradient_norm);
  document["gradients"] =
      fault.has_gradients() ? "as they came" : "none: the loss comes before them";
  document["groups"] = groups_json(optimizer, fault.has_gradients());
  const auto tensors = state_dict(module);
  document["non_finite_weights"] = first_bad({tensors.begin(), tensors.end()});
  document["samples"] = samples_json(batch, tokenizer);
  return document;
}

void NonFiniteHook::after_step(const StepReport& report, TrainState& state) {
  if (!report.skipped) state.skipped_in_a_row = 0;
}

bool NonFiniteHook::after_non_finite(const NonFiniteStep& fault, const data::Batch& batch,
                                     TrainState& state) {
  const std::int64_t in_a_row = state.skipped_in_a_row + 1;
  const bool skip = skips_ && in_a_row < kMostInARow;
  const bool writes = parts_.folder.writes();
  const auto path = parts_.folder.path() / "non_finite.json";
  ordered_json document =
      non_finite_report(fault, batch, state, parts_.module, parts_.optimizer, parts_.tokenizer);
  document["action"] = skip ? "skip" : "stop";
  // A text of the dataset may hold bytes that are no UTF-8.
  if (writes) core::write_file(path, core::json_text(document, {.indent = 2}) + "\n");
  parts_.log.write({{"event", "non_finite"},
                    {"step", fault.report().step},
                    {"epoch", state.epoch},
                    {"fault", fault.fault()},
                    {"value", json_number(fault.value())},
                    {"action", document["action"]},
                    {"in_a_row", in_a_row},
                    {"report", path.filename().string()}});
  if (skip) {
    ++state.skipped_steps;
    state.skipped_in_a_row = in_a_row;
    core::log::warning(cat(fault.what(), ": skipped, see ", path.string()));
    return true;
  }
  throw core::Error(cat(fault.what(), skips_ ? cat(", the ", in_a_row, "th in a row") : "",
                        ": the report is ", path.string(), "; ",
                        save_sound_state(document["non_finite_weights"].empty(), state),
                        "; lower train.learning_rate or set train.clip_norm",
                        skips_ ? "" : ", or leave such steps out with train.non_finite=skip"));
}

std::string NonFiniteHook::save_sound_state(bool weights_are_finite, const TrainState& state) {
  const std::string last = parts_.folder.last().string();
  if (!weights_are_finite) {  // nothing could go on from them
    return cat("the weights are not finite either, ", last, " stays as it was");
  }
  parts_.checkpointer.save_last(state);
  return cat(last, " holds the step before");
}

}  // namespace pcnet::engine
