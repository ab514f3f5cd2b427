#include "pcnet/engine/gradient_scaler.h"

#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::engine {

using core::cat;

namespace {

constexpr double kGrowth = 2;
constexpr std::int64_t kStepsToGrow = 2000;
constexpr double kLargest = 16777216;          // beyond it a gradient of fp32 could overflow, too
constexpr double kSmallest = 1.0 / (1 << 10);  // 26 overflows in a row after the start

constexpr const char* kScale = "scaler.scale";
constexpr const char* kGoodSteps = "scaler.good_steps";
constexpr const char* kSkipped = "scaler.skipped";

double number(const std::map<std::string, at::Tensor>& state, const char* name) {
  const auto found = state.find(name);
  if (found == state.end()) throw core::Error(cat("no state \"", name, "\" of fp16's scaler"));
  return found->second.item<double>();
}

}  // namespace

void GradientScaler::succeeded() {
  if (++good_steps_ < kStepsToGrow) return;
  good_steps_ = 0;
  if (scale_ < kLargest) scale_ *= kGrowth;
}

void GradientScaler::overflowed() {
  ++skipped_;
  good_steps_ = 0;
  scale_ /= kGrowth;
  if (scale_ >= kSmallest) return;
  throw core::Error(cat("the gradients overflow in fp16 even with a loss scale of ", scale_, " (",
                        skipped_,
                        " steps skipped): set train.precision to bf16 or fp32, or lower "
                        "train.learning_rate"));
}

std::map<std::string, at::Tensor> GradientScaler::state() const {
  return {{kScale, torch::tensor(scale_, torch::kDouble)},
          {kGoodSteps, torch::tensor(good_steps_, torch::kInt64)},
          {kSkipped, torch::tensor(skipped_, torch::kInt64)}};
}

void GradientScaler::load_state(const std::map<std::string, at::Tensor>& state) {
  scale_ = number(state, kScale);
  good_steps_ = static_cast<std::int64_t>(number(state, kGoodSteps));
  skipped_ = static_cast<std::int64_t>(number(state, kSkipped));
}

}  // namespace pcnet::engine
