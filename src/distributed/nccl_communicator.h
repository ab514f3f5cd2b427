#pragma once

#include <functional>
#include <memory>

#include "pcnet/core/communicator.h"

namespace pcnet::distributed {

/// Sends what lies on a GPU from GPU to GPU by NCCL, and all else as `hosts` does. Error without
/// NCCL.
/// @param failed whether another process has failed: what waits for it on the GPU is then given up
std::shared_ptr<core::Communicator> between_gpus(std::shared_ptr<core::Communicator> hosts, int gpu,
                                                 std::function<bool()> failed);

}  // namespace pcnet::distributed
