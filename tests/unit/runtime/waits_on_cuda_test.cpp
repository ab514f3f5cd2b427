#include <gtest/gtest.h>
#include <torch/torch.h>
#ifdef PCNET_HAS_CUDA
#include <c10/cuda/CUDAFunctions.h>
#endif

#include "pcnet/core/log.h"
#include "pcnet/runtime/training_parts.h"

#include "support/cuda.h"
#include "support/observation.h"
#include "support/temporary_folder.h"

/// What would make the host wait for the GPU in the middle of a step is an error here.
namespace pcnet::runtime {
namespace {

#ifdef PCNET_HAS_CUDA

class NoWaits {
 public:
  NoWaits() { c10::cuda::warning_state().set_sync_debug_mode(c10::cuda::SyncDebugMode::L_ERROR); }
  ~NoWaits() {
    c10::cuda::warning_state().set_sync_debug_mode(c10::cuda::SyncDebugMode::L_DISABLED);
  }
  NoWaits(const NoWaits&) = delete;
  NoWaits& operator=(const NoWaits&) = delete;
};

TEST(WaitsOnCuda, AreNoneInAStepThatIsReadLate) {
  PCNET_NEED_CUDA();
  core::log::set_level(core::log::Level::kQuiet);
  const support::TemporaryFolder folder;
  support::write_observed_dataset(folder.path());
  for (const char* setting :
       {"model.profile=paper", "model.profile=improved", "train.objective=contrastive",
        "train.clip_norm=1", "train.accumulate=3", "loss.kl_divergence.weight=1"}) {
    SCOPED_TRACE(setting);
    TrainingParts parts(support::observed_config(
        folder.path(), {setting, "run.device=cuda", "train.precision=bf16"}));
    const auto loader = parts.loader(0);
    const data::Batch batch = loader->next().to(parts.device);
    auto first = parts.trainer->launch(batch, 0);  // what is made once may wait
    parts.trainer->read(first);
    engine::Trainer::Pending pending;
    {
      const NoWaits none;
      EXPECT_NO_THROW(pending = parts.trainer->launch(batch, 1));
    }
    if (pending.numbers.defined()) parts.trainer->read(pending);
  }
}

#endif

}  // namespace
}  // namespace pcnet::runtime
