#pragma once

#include <filesystem>

#include "pcnet/engine/predictor.h"
#include "pcnet/runtime/prediction.h"

namespace pcnet::runtime {

/// What a `.json` file of predict says. Error that names the file when it is none.
Found read_found(const std::filesystem::path& base);

/// Whether a pair was answered before: its `.json` is there and the wanted files are whole.
/// UsageError when it says that something else was asked than in `wanted` (text, cues, image_digest
/// and made_with count).
bool is_finished(const Found& wanted, const PredictionFiles& files);

/// Writes the files of a pair, `.json` last, and notes them in `found`.
void write_prediction(const engine::Prediction& prediction, const PredictionFiles& files,
                      Found& found);

}  // namespace pcnet::runtime
