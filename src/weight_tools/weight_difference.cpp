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
using Json = nlohmann::ordered_json;

namespace {

using Tensors = std::map<std::string, at::Tensor>;

struct Distance {
  double absolute = 0;  ///< the largest |a - b|; infinite where one of the two is not finite
  double relative = 0;  ///< the largest |a - b| / max(|a|, |b|)
};

Distance distance(const at::Tensor& a, const at::Tensor& b) {
  Distance out;
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

/// JSON has no infinity.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json("infinite"); }

struct Row {
  std::string name;
  Distance distance;
  Json json;
};

Json described(const at::Tensor& tensor) {
  return {{"dtype", dtype_name(tensor.scalar_type())}, {"shape", tensor.sizes().vec()}};
}

/// The tensors that both have, compared.
class Comparison {
 public:
  Comparison(const Tensors& a, const Tensors& b, double tolerance) : tolerance_(tolerance) {
    std::uint64_t bytes = 0;
    for (const auto& [name, tensor] : a) {
      if (b.contains(name)) bytes += tensor.nbytes();
    }
    ByteProgress progress("comparing", bytes);
    for (const auto& [name, tensor] : a) {
      if (const auto other = b.find(name); other != b.end()) {
        compare(name, tensor, other->second);
        progress.add(tensor);
      }
    }
    progress.finish();
    std::stable_sort(rows_.begin(), rows_.end(), [](const Row& x, const Row& y) {
      return x.distance.absolute > y.distance.absolute;
    });
  }

  bool equal() const { return shapes.empty() && beyond == 0 && (tolerance_ > 0 || dtypes.empty()); }

  Json differing() const {
    Json out = Json::array();
    for (const auto& row : rows_) out.push_back(row.json);
    return out;
  }

  Json shapes = Json::array();
  Json dtypes = Json::array();
  std::size_t common = 0;
  std::size_t beyond = 0;  ///< tensors with a difference above the tolerance

 private:
  void compare(const std::string& name, const at::Tensor& a, const at::Tensor& b) {
    ++common;
    if (a.sizes() != b.sizes()) {
      shapes.push_back({{"name", name}, {"a", described(a)}, {"b", described(b)}});
      return;
    }
    if (a.scalar_type() != b.scalar_type()) {
      dtypes.push_back({{"name", name}, {"a", described(a)}, {"b", described(b)}});
    }
    const Distance found = distance(a, b);
    if (found.absolute == 0) return;
    if (found.absolute > tolerance_) ++beyond;
    rows_.push_back({name,
                     found,
                     {{"name", name},
                      {"max_absolute", number(found.absolute)},
                      {"max_relative", number(found.relative)},
                      {"beyond_tolerance", found.absolute > tolerance_}}});
  }

  double tolerance_;
  std::vector<Row> rows_;
};

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

Json side(const weights::WeightFile& file, const weights::StateDict& state) {
  return {{"file", file.path.string()},
          {"layout", weights::to_string(state.layout)},
          {"prefix", state.prefix},
          {"tensors", state.tensors.size()},
          {"left_out", state.left_out}};
}

std::vector<std::string> names_only_in(const Tensors& tensors, const Tensors& other) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) {
    if (!other.contains(name)) names.push_back(name);
  }
  return names;
}

}  // namespace

Json diff_weights(const weights::WeightFile& a, const weights::WeightFile& b, double tolerance) {
  auto state_a = weights::find_state_dict(a);
  auto state_b = weights::find_state_dict(b);
  match(state_a, state_b);
  const auto only_a = names_only_in(state_a.tensors, state_b.tensors);
  const auto only_b = names_only_in(state_b.tensors, state_a.tensors);
  const Comparison comparison(state_a.tensors, state_b.tensors, tolerance);
  return {{"equal", comparison.equal() && only_a.empty() && only_b.empty()},
          {"a", side(a, state_a)},
          {"b", side(b, state_b)},
          {"tolerance", tolerance},
          {"common", comparison.common},
          {"beyond_tolerance", comparison.beyond},
          {"only_in_a", only_a},
          {"only_in_b", only_b},
          {"shapes", comparison.shapes},
          {"dtypes", comparison.dtypes},
          {"numbers", comparison.differing()}};
}

Json diff_weights(const DifferenceRequest& request) {
  if (!(request.tolerance >= 0) || std::isinf(request.tolerance)) {
    throw core::UsageError(cat("--tolerance ", request.tolerance, ": wanted a number from 0"));
  }
  return diff_weights(open_weights_or_run(request.a), open_weights_or_run(request.b),
                      request.tolerance);
}

}  // namespace pcnet::weight_tools
