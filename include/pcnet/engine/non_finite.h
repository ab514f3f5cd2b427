#pragma once

#include <string>

#include <nlohmann/json.hpp>
#include <torch/torch.h>

#include "pcnet/config/train_choices.h"
#include "pcnet/core/error.h"
#include "pcnet/engine/hooks.h"
#include "pcnet/engine/optimizer.h"
#include "pcnet/engine/run_folder.h"
#include "pcnet/engine/trainer.h"
#include "pcnet/report/run_log.h"
#include "pcnet/text/tokenizer.h"

namespace pcnet::engine {

/// A step whose loss or gradient is not finite; no weight was changed.
class NonFiniteStep : public core::Error {
 public:
  /// @param what "loss" or "gradient norm"; the gradients exist in the second case alone
  NonFiniteStep(std::string what, double value, StepReport report);

  const std::string& fault() const { return what_; }
  double value() const { return value_; }
  bool has_gradients() const { return what_ != "loss"; }
  const StepReport& report() const { return report_; }

 private:
  std::string what_;
  double value_;
  StepReport report_;
};

/// What there is to know of such a step: step, epoch, rate, terms, gradient norm of each parameter
/// group, the first tensors that are not finite, and the batch's pictures and texts. A number that
/// is not finite is the text "nan", "inf" or "-inf".
nlohmann::ordered_json non_finite_report(const NonFiniteStep& fault, const data::Batch& batch,
                                         const TrainState& state, const torch::nn::Module& module,
                                         const AdamW& optimizer, const text::Tokenizer& tokenizer);

/// Answers a step that is not finite (train.non_finite): writes `non_finite.json` and an event,
/// then skips it, or saves last.safetensors and stops with an Error that names the report. The
/// tenth in a row stops, too.
class NonFiniteHook : public Hook {
 public:
  static constexpr std::int64_t kMostInARow = 10;

  struct Parts {
    const RunFolder& folder;
    const torch::nn::Module& module;
    const AdamW& optimizer;
    const text::Tokenizer& tokenizer;
    const Checkpointer& checkpointer;
    report::RunLog& log;
  };
  NonFiniteHook(const Parts& parts, config::OnNonFinite action)
      : parts_(parts), skips_(action == config::OnNonFinite::kSkip) {}

  void after_step(const StepReport& report, TrainState& state) override;
  bool after_non_finite(const NonFiniteStep& fault, const data::Batch& batch,
                        TrainState& state) override;

 private:
  /// @return what became of last.safetensors, for the message
  std::string save_sound_state(bool weights_are_finite, const TrainState& state);

  Parts parts_;
  bool skips_;
};

}  // namespace pcnet::engine
