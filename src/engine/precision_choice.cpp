#include "pcnet/engine/precision_choice.h"

#include <algorithm>

#include "pcnet/core/batch_norm.h"
#include "pcnet/core/lap.h"

namespace pcnet::engine {

namespace {

constexpr double kEnoughSeconds = 10;  // of one arithmetic
constexpr int kMostPasses = 4;         // the first one, which warms up, included
constexpr double kClearlyFaster = 0.95;

/// Keeps a default generator as it is.
class KeptGenerator {
 public:
  explicit KeptGenerator(c10::Device device)
      : generator_(at::globalContext().defaultGenerator(device)), state_(generator_.get_state()) {}
  ~KeptGenerator() { generator_.set_state(state_); }
  KeptGenerator(const KeptGenerator&) = delete;
  KeptGenerator& operator=(const KeptGenerator&) = delete;

 private:
  at::Generator generator_;
  at::Tensor state_;
};

}  // namespace

std::vector<PrecisionTiming> measure_precisions(
    const torch::nn::Module& module, c10::Device device,
    const std::function<void(PrecisionGuard& guard)>& pass, bool alone) {
  const core::StatisticsAside statistics(module);
  const KeptGenerator host(c10::kCPU);
  const KeptGenerator own(device);
  std::vector<PrecisionTiming> measured;
  for (const Precision precision : candidates(device)) {
    const auto once = [&] {
      PrecisionGuard guard(precision, device);
      pass(guard);
    };
    // Processes that pass messages must do as many passes.
    const double seconds = alone ? core::shortest_seconds(once, kMostPasses, kEnoughSeconds)
                                 : core::shortest_seconds(once, kMostPasses);
    measured.push_back({precision, seconds});
  }
  return measured;
}

Precision fastest(const std::vector<PrecisionTiming>& measured) {
  const auto best = std::min_element(
      measured.begin(), measured.end(),
      [](const auto& left, const auto& right) { return left.seconds < right.seconds; });
  const auto& first = measured.front();
  return best->seconds < kClearlyFaster * first.seconds ? best->precision : first.precision;
}

}  // namespace pcnet::engine
