#include "pcnet/core/profile.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

#include <ATen/Parallel.h>
#include <ATen/SequenceNumber.h>
#include <ATen/record_function.h>
#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::core {

namespace {

using Clock = std::chrono::steady_clock;

/// The graph's nodes from `first` to before `end` were made in a part.
struct Made {
  std::uint64_t first, end;
  std::size_t part;
};

/// What is shared by all threads.
struct Totals {
  std::mutex mutex;
  std::vector<Profile::Part> parts;
  std::vector<Made> made;  // inner parts before those around them

  std::size_t part(std::string name) {
    const std::lock_guard lock(mutex);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (parts[i].name == name) return i;
    }
    parts.push_back({std::move(name), 0, 0, 0, 0});
    return parts.size() - 1;
  }
};

std::atomic<bool> profiling = false;

Totals& totals() {
  static Totals all;
  return all;
}

/// What a thread is at: times are those of the innermost part.
struct Place {
  std::size_t part;
  bool backward;
};
thread_local std::vector<Place> places;
thread_local Clock::time_point since;

void charge() {
  const auto now = Clock::now();
  const double seconds = std::chrono::duration<double>(now - since).count();
  since = now;
  if (places.empty()) return;
  const std::lock_guard lock(totals().mutex);
  if (places.back().part >= totals().parts.size()) return;
  auto& part = totals().parts[places.back().part];
  (places.back().backward ? part.backward_seconds : part.forward_seconds) += seconds;
  part.core_seconds += seconds * at::get_num_threads();
}

void enter(const Place& place) {
  charge();
  places.push_back(place);
}

void leave() {
  charge();
  places.pop_back();
}

std::optional<std::size_t> maker_of(std::int64_t node) {
  if (node < 0) return std::nullopt;
  const auto number = static_cast<std::uint64_t>(node);
  const std::lock_guard lock(totals().mutex);
  for (const auto& made : totals().made) {
    if (made.first <= number && number < made.end) return made.part;
  }
  return std::nullopt;
}

double product(c10::IntArrayRef sizes) {
  double all = 1;
  for (const auto size : sizes) all *= static_cast<double>(size);
  return all;
}

/// Two for each product and sum: of a convolution, its gradient, or a matrix product.
double operations_of(const at::RecordFunction& call) {
  const std::string_view name = call.name();
  const auto& in = call.inputs();
  const auto tensor = [&](std::size_t i) {
    return i < in.size() && in[i].isTensor() ? in[i].toTensor() : at::Tensor();
  };
  const auto of_product = [](const at::Tensor& a, const at::Tensor& b) {
    return a.defined() && b.defined() ? 2 * product(a.sizes()) * static_cast<double>(b.size(-1))
                                      : 0;
  };
  if (name == "aten::mm" || name == "aten::bmm") return of_product(tensor(0), tensor(1));
  if (name == "aten::addmm" || name == "aten::baddbmm") return of_product(tensor(1), tensor(2));
  if (name == "aten::convolution_backward") {
    const at::Tensor gradient = tensor(0);
    const at::Tensor weight = tensor(2);
    if (!gradient.defined() || !weight.defined()) return 0;
    const auto wanted = in.back().toBoolList();
    const double once = 2 * product(gradient.sizes()) * product(weight.sizes()) /
                        static_cast<double>(weight.size(0));
    return once * ((wanted[0] ? 1 : 0) + (wanted[1] ? 1 : 0));
  }
  return 0;
}

/// Of a convolution, one with what follows in the same kernel included; else undefined.
at::Tensor weight_of_convolution(const at::RecordFunction& call) {
  constexpr std::int64_t kDimensions = 4;
  const std::string_view name = call.name();
  if (name != "aten::convolution" && name != "mkldnn::_convolution_pointwise") return {};
  // A tensor that is added, of four dimensions as well, stands before the weight.
  at::Tensor weight;
  const auto& in = call.inputs();
  for (std::size_t i = 1; i < std::min<std::size_t>(in.size(), 3); ++i) {
    if (in[i].isTensor() && in[i].toTensor().dim() == kDimensions) weight = in[i].toTensor();
  }
  return weight;
}

/// What the end of a call has to know of its begin, when its inputs are gone.
struct Call : at::ObserverContext {
  bool entered = false;       // a node of a backward pass whose part is known
  double of_each_result = 0;  // operations for each number that a convolution gives
};

std::unique_ptr<at::ObserverContext> begin_call(const at::RecordFunction& call) {
  auto own = std::make_unique<Call>();
  if (call.scope() == at::RecordScope::BACKWARD_FUNCTION) {
    const auto part = maker_of(call.seqNr());
    if (!part) return nullptr;
    own->entered = true;
    enter({*part, /*backward=*/true});
    return own;
  }
  if (const at::Tensor weight = weight_of_convolution(call); weight.defined()) {
    own->of_each_result = 2 * product(weight.sizes()) / static_cast<double>(weight.size(0));
    return own;
  }
  count_operations(operations_of(call));
  return nullptr;
}

void end_call(const at::RecordFunction& call, at::ObserverContext* context) {
  const auto* own = static_cast<const Call*>(context);
  if (own == nullptr) return;
  if (own->entered) return leave();
  const auto& out = call.outputs();
  if (!out.empty() && out[0].isTensor()) {
    count_operations(own->of_each_result * product(out[0].toTensor().sizes()));
  }
}

}  // namespace

void count_operations(double operations) {
  if (operations <= 0 || places.empty()) return;
  const std::lock_guard lock(totals().mutex);
  if (places.back().part < totals().parts.size()) {
    totals().parts[places.back().part].operations += operations;
  }
}

PartScope::PartScope(const char* name, std::int64_t number) {
  if (!profiling) return;
  on_ = true;
  part_ = totals().part(number < 0 ? name : cat(name, " ", number));
  first_ = at::sequence_number::peek();
  enter({part_, /*backward=*/false});
}

PartScope::~PartScope() {
  if (!on_) return;
  leave();
  const std::lock_guard lock(totals().mutex);
  totals().made.push_back({first_, at::sequence_number::peek(), part_});
}

Profile::Profile() {
  if (profiling.exchange(true)) throw Error("there is a profile already");
  clear();
  callback_ = at::addGlobalCallback(
      at::RecordFunctionCallback(begin_call, end_call)
          .needsInputs(true)
          .needsOutputs(true)
          .scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}));
}

Profile::~Profile() {
  at::removeCallback(callback_);
  profiling = false;
}

void Profile::clear() {
  const std::lock_guard lock(totals().mutex);
  for (auto& part : totals().parts) part = {part.name, 0, 0, 0, 0};
  totals().made.clear();
}

std::vector<Profile::Part> Profile::parts() const {
  const std::lock_guard lock(totals().mutex);
  return totals().parts;
}

}  // namespace pcnet::core
