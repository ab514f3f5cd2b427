#pragma once

#include <filesystem>

#include "pcnet/freesolo/freesolo.h"

namespace pcnet::freesolo {

/// Copies released weights into the network, converting the type, and folds its batch norms. The
/// file is the checkpoint as published or its state dict, in any format of weights::open_weights.
/// Tells the user that the published weights are for non-commercial use. Error for another model,
/// and one that names every missing, unexpected and mismatched tensor; then nothing was copied.
void load_weights(FreesoloImpl& network, const std::filesystem::path& path);

}  // namespace pcnet::freesolo
