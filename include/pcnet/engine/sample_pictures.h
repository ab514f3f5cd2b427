#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "pcnet/config/eval_options.h"
#include "pcnet/data/sources/dataset.h"
#include "pcnet/engine/responder.h"
#include "pcnet/engine/segmentor.h"
#include "pcnet/image/picture.h"

namespace pcnet::engine {

/// Answers to the first sentence of the first `eval.samples` pictures of a split, each an answer
/// and its heat side by side, with the ground truth in green.
std::vector<image::Picture> draw_samples(data::Dataset& dataset, const std::string& split,
                                         Responder& responder, Segmentor& segmentor,
                                         const config::EvalOptions& options);

/// All of them on one sheet. Error when there is none.
image::Picture sample_sheet(const std::vector<image::Picture>& samples);

/// Writes them to `<folder>/<split>_<k>.png` and the sheet to `<folder>/<split>.png`; nothing when
/// there is none.
void write_samples(const std::filesystem::path& folder, const std::string& split,
                   const std::vector<image::Picture>& samples);

}  // namespace pcnet::engine
