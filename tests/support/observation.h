#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "pcnet/config/config.h"

/// What a configuration leads to, from the batch to the scores, for proofs that a key acts.
namespace pcnet::support {

/// Where two runs can differ, in the order in which one thing follows from the other; a difference
/// in one place may change all that come after it.
enum class Place {
  kBatch,       ///< what training is fed, one epoch
  kMaps,        ///< logits of all stages in training
  kLoss,        ///< the terms and their sum, a tenth of the way through the steps
  kGradient,    ///< of the parameters that both models have
  kParameters,  ///< names, shapes, and which are trained
  kAnswers,     ///< maps at the size of the picture, in evaluation
  kScores,      ///< the figures of the split
  kStep,        ///< the parameters after two steps
  kNowhere
};
std::string name_of(Place place);

/// A small dataset with pictures of noise, objects of two overlapping polygons, one object with two
/// references, sentences of two to seven words, five cues each, and proposals of all sizes.
void write_observed_dataset(const std::filesystem::path& root);

/// The settings on top of which keys are tried: tiny encoders, 96 px, profile `paper`.
config::Config observed_config(const std::filesystem::path& root,
                               const std::vector<std::string>& overrides);

struct Observation {
  std::map<Place, std::map<std::string, at::Tensor>> seen;
};

/// Builds everything from the configuration as `pcnet train` does and runs it. Each parameter is
/// drawn by its name, so that two models agree wherever both have it.
Observation observe(const config::Config& config);

/// In each place that both have, the largest difference of a tensor relative to its largest value,
/// or to a thousandth of the place's where that is more; infinite where shapes or whole numbers
/// differ.
std::map<Place, double> differences(const Observation& left, const Observation& right);

/// The first place in which they differ.
Place first_difference(const Observation& left, const Observation& right);

}  // namespace pcnet::support
