#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "pcnet/config/eval_options.h"
#include "pcnet/data/dataset.h"
#include "pcnet/engine/responder.h"

namespace pcnet::engine {

/// Draws answers to the first sentence of the first `eval.samples` pictures of a split into
/// `<folder>/<split>_<k>.png` (answer and heat side by side, ground truth in green) and all of them
/// into `<folder>/<split>.png`.
void write_samples(const std::filesystem::path& folder, data::Dataset& dataset,
                   const std::string& split, Responder& responder,
                   const config::EvalOptions& options);

}  // namespace pcnet::engine
