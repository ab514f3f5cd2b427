#pragma once

#include <functional>
#include <memory>

#include "pcnet/core/communicator.h"

namespace pcnet::support {

/// Calls `work` in `size` threads that pass messages to each other as processes do: sums are taken
/// in the order of the ranks. Throws what the first of them threw; the others then get a
/// PeerFailure.
void as_team(int size, const std::function<void(const std::shared_ptr<core::Communicator>&)>& work);

}  // namespace pcnet::support
