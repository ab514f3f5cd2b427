#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "pcnet/metrics/peak.h"

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

/// What was found for a text on a picture.
struct Found {
  std::filesystem::path image;
  std::string text;
  std::vector<std::string> cues;
  std::vector<metrics::Peak> peaks;   ///< of each stage; the last is the answer
  std::array<std::int64_t, 4> box{};  ///< of the mask: x, y, width, height
  std::int64_t mask_area = 0;         ///< px
  std::string segmentor;
  std::filesystem::path checkpoint;
  double seconds = 0;

  const metrics::Peak& peak() const { return peaks.back(); }
};

/// Answers every text on every picture and writes, for each pair, `<stem>.overlay.png`,
/// `.mask.png`, `.response.npy`, `.stages.png` and `.json` (docs/cli.md#predict). The stem is the
/// picture's, with `_<k>` for text k of several. Nothing is written when a picture or text is
/// faulty.
/// @return what the `.json` files say, in order
std::vector<Found> predict(const PredictionRequest& request);

nlohmann::ordered_json to_json(const Found& found);
/// A line for a person.
std::string to_text(const Found& found);

}  // namespace pcnet::runtime
