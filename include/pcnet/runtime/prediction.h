#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pcnet/metrics/peak.h"

namespace pcnet::runtime {

/// Which files are written of a pair of image and text, beside `.json`.
struct PredictionFiles {
  bool overlay = true;
  bool mask = true;
  bool response = true;
  bool stages = true;
};

/// What `predict` is asked.
struct PredictionRequest {
  std::filesystem::path model = {};  ///< run folder or checkpoint
  /// Files, folders with images, and `-`: the bytes of one image from stdin.
  std::vector<std::filesystem::path> images = {};
  bool recursive = false;           ///< also the folders below those
  std::filesystem::path list = {};  ///< of more images, a line each; `-`: stdin; empty: none
  std::vector<std::string> texts = {};
  std::vector<std::string> cues = {};  ///< of every text; none: those that the rules find
  std::filesystem::path out = ".";
  PredictionFiles files = {};
  bool replace = false;          ///< make anew what is there
  bool skip_bad_images = false;  ///< go on without images that cannot be read
  std::vector<std::string> overrides = {};
};

/// What was found for a text on an image.
struct Found {
  std::filesystem::path image;
  std::string fault;  ///< why the image could not be read; the rest is then empty
  std::string text;
  std::vector<std::string> cues;
  std::vector<metrics::Peak> peaks;   ///< of each stage; the last is the answer
  std::array<std::int64_t, 4> box{};  ///< of the mask: x, y, width, height
  std::int64_t mask_area = 0;         ///< px
  std::string segmentor;
  std::filesystem::path checkpoint;
  std::array<std::int64_t, 2> size{};  ///< of the image: height, width
  std::string image_digest;
  nlohmann::ordered_json made_with;            ///< what else decides the answer
  std::map<std::string, std::uint64_t> files;  ///< bytes of each, by ending
  double seconds = 0;
  std::filesystem::path base;  ///< its files without their endings

  const metrics::Peak& peak() const { return peaks.back(); }
};

/// Answers every text on every image and writes, for each pair, `<stem>.overlay.png`, `.mask.png`,
/// `.response.npy`, `.stages.png` and last `.json` (docs/cli.md#predict). A pair that is there with
/// all its files is not made again. Before anything is written: Error when an image is missing,
/// UsageError when a text is faulty or something else has a pair's name.
/// @param tell called for each pair in order, from one thread at a time; and once for each image
/// that was left out
void predict(const PredictionRequest& request, const std::function<void(const Found&)>& tell);

nlohmann::ordered_json to_json(const Found& found);
/// A line for a person.
std::string to_text(const Found& found);

}  // namespace pcnet::runtime
