#pragma once

#include <filesystem>
#include <map>
#include <string>

#include <ATen/core/Tensor.h>

#include "pcnet/freesolo/freesolo.h"

namespace pcnet::freesolo {

/// The published file that is read, for people.
inline constexpr const char* kKnownFiles = "FreeSOLO_R101_30k_pl.pth";

/// Every tensor of such a network under its released name, with its shape and without memory (meta
/// tensors).
std::map<std::string, at::Tensor> expected_tensors(const NetworkOptions& options = {});

/// Copies released weights into the network, converting the type, and folds its batch norms. The
/// file is the checkpoint as published or its state dict, in any format of weights::open_weights.
/// Tells the user that the published weights are for non-commercial use. Error for another model,
/// and one that names every missing, unexpected and mismatched tensor; then nothing was copied.
void load_weights(FreesoloImpl& network, const std::filesystem::path& path);

}  // namespace pcnet::freesolo
