#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace pcnet::runtime {

/// What `predict` is asked.
struct PredictionRequest {
  std::filesystem::path model;  ///< run folder or checkpoint
  std::vector<std::filesystem::path> images;
  std::vector<std::string> texts;
  std::vector<std::string> cues;  ///< of every text; none: those that the rules find
  std::filesystem::path out = ".";
  std::vector<std::string> overrides;
};

/// Answers every text on every picture and writes, for each pair, `<stem>.overlay.png`,
/// `.mask.png`, `.response.npy`, `.stages.png` and `.json` (docs/cli.md#predict). The stem is the
/// picture's, with
/// `_<k>` for text k of several. Nothing is written when a picture or text is faulty.
/// @return the documents written, in order
nlohmann::ordered_json predict(const PredictionRequest& request);

}  // namespace pcnet::runtime
