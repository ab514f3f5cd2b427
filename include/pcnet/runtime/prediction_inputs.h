#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "pcnet/runtime/prediction.h"

namespace pcnet::runtime {

/// What is asked about an image.
struct Questions {
  std::vector<std::string> texts;
  std::vector<std::string> cues;  ///< of every text; none: those that the rules find
};

/// An image with what is asked about it.
struct PredictionInput {
  std::filesystem::path image;                 ///< as it was named
  std::filesystem::path stem;                  ///< of its files, below the folder of the results
  std::shared_ptr<const Questions> questions;  ///< may be those of many images
  std::shared_ptr<const std::string> bytes;    ///< what a pipe gave; null: the image is a file

  /// The stem of text k's files: that of the image, with `_<k>` for one text of several.
  std::string name(std::size_t k) const;
};

/// All images of a request, in their order: files, those in folders by name, one from stdin, then
/// those of the list (docs/cli.md#predict). UsageError for none, for an image without texts, a line
/// of the list that is faulty, and names that would overwrite each other; Error for a folder
/// without images.
std::vector<PredictionInput> prediction_inputs(const PredictionRequest& request);

}  // namespace pcnet::runtime
