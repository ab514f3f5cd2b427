#include <algorithm>
#include <cmath>
#include <limits>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/weight_tools/weight_names.h"
#include "pcnet/weight_tools/weight_tools.h"

#include "tensor_walk.h"

namespace pcnet::weight_tools {

using core::cat;

namespace {

using Tensors = std::map<std::string, at::Tensor>;

Difference::NumberRow distance(const std::string& name, const at::Tensor& a, const at::Tensor& b) {
  Difference::NumberRow out{.name = name};
  visit_pairs(a, b, [&](const at::Tensor& x, const at::Tensor& y) {
    const at::Tensor same = x.eq(y).logical_or_(x.isnan().logical_and_(y.isnan()));
    if (same.all().item<bool>()) return;
    const double infinite = std::numeric_limits<double>::infinity();
    const at::Tensor apart = (x - y).abs_().masked_fill_(same, 0).nan_to_num_(infinite, infinite);
    const at::Tensor size = at::maximum(x.abs(), y.abs());
    const at::Tensor relative =
        (apart / size).masked_fill_(same, 0).nan_to_num_(infinite, infinite);
    out.absolute = std::max(out.absolute, apart.max().item<double>());
    out.relative = std::max(out.relative, relative.max().item<double>());
  });
  return out;
}

Difference::Kind kind_of(const at::Tensor& tensor) {
  return {dtype_name(tensor.scalar_type()), tensor.sizes().vec()};
}

void compare(const std::string& name, const at::Tensor& a, const at::Tensor& b, Difference& out) {
  ++out.common;
  if (a.sizes() != b.sizes()) {
    out.shapes.push_back({name, kind_of(a), kind_of(b)});
    return;
  }
  if (a.scalar_type() != b.scalar_type()) out.dtypes.push_back({name, kind_of(a), kind_of(b)});
  auto row = distance(name, a, b);
  if (row.absolute == 0) return;
  if (row.absolute > out.tolerance) ++out.beyond_tolerance;
  out.numbers.push_back(std::move(row));
}

/// Compares the tensors that both have.
void compare(const Tensors& a, const Tensors& b, Difference& out) {
  std::uint64_t bytes = 0;
  for (const auto& [name, tensor] : a) {
    if (b.contains(name)) bytes += tensor.nbytes();
  }
  ByteProgress progress("comparing", bytes);
  for (const auto& [name, tensor] : a) {
    const auto other = b.find(name);
    if (other == b.end()) continue;
    compare(name, tensor, other->second, out);
    progress.add(tensor);
  }
  progress.finish();
  std::stable_sort(out.numbers.begin(), out.numbers.end(),
                   [](const auto& x, const auto& y) { return x.absolute > y.absolute; });
}

/// Leaves a whole model's encoders, to stand beside a file that holds these alone.
void keep_encoders(weights::StateDict& state) {
  const std::size_t all = state.tensors.size();
  state.tensors = clip::clip_tensors(state);
  state.left_out.push_back(cat("heads (", all - state.tensors.size(), " tensors)"));
}

/// Where one file is a CLIP and the other a model around one, their encoders are compared.
void match(weights::StateDict& a, weights::StateDict& b) {
  const bool clip_a = a.layout == weights::Layout::kOpenaiClip;
  const bool clip_b = b.layout == weights::Layout::kOpenaiClip;
  if (clip_a && !clip_b && !clip::clip_tensors(b).empty()) keep_encoders(b);
  if (clip_b && !clip_a && !clip::clip_tensors(a).empty()) keep_encoders(a);
}

Difference::Side side(const weights::WeightFile& file, const weights::StateDict& state) {
  return {.file = file.path.string(),
          .layout = weights::to_string(state.layout),
          .prefix = state.prefix,
          .tensors = state.tensors.size(),
          .left_out = state.left_out};
}

std::vector<std::string> names_only_in(const Tensors& tensors, const Tensors& other) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) {
    if (!other.contains(name)) names.push_back(name);
  }
  return names;
}

}  // namespace

Difference diff_weights(const DifferenceRequest& request) {
  if (!(request.tolerance >= 0) || std::isinf(request.tolerance)) {
    throw core::UsageError(cat("--tolerance ", request.tolerance, ": wanted a number from 0"));
  }
  const auto a = open_weights_or_run(request.a);
  const auto b = open_weights_or_run(request.b);
  auto state_a = weights::find_state_dict(a);
  auto state_b = weights::find_state_dict(b);
  match(state_a, state_b);
  Difference out{.a = side(a, state_a),
                 .b = side(b, state_b),
                 .tolerance = request.tolerance,
                 .only_in_a = names_only_in(state_a.tensors, state_b.tensors),
                 .only_in_b = names_only_in(state_b.tensors, state_a.tensors)};
  compare(state_a.tensors, state_b.tensors, out);
  out.equal = out.only_in_a.empty() && out.only_in_b.empty() && out.shapes.empty() &&
              out.beyond_tolerance == 0 && (out.tolerance > 0 || out.dtypes.empty());
  return out;
}

}  // namespace pcnet::weight_tools
