#include "pcnet/data/side_files.h"

#include <fstream>

#include <nlohmann/json.hpp>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::data {

using core::cat;
using core::Error;
using nlohmann::json;

namespace {

/// Reads `key` of each line into a map by `id_key`; `read` turns the value into what is stored.
template <class Value, class Read>
std::unordered_map<std::int64_t, Value> read_lines(const std::filesystem::path& path,
                                                   const char* id_key, const char* key, Read read) {
  std::ifstream in(path);
  if (!in) throw Error(cat("cannot read ", path.string()));
  std::unordered_map<std::int64_t, Value> values;
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    if (line.empty()) continue;
    try {
      const json entry = json::parse(line);
      const json& id_value = entry.at(id_key);
      if (!id_value.is_number_integer()) {
        throw Error(cat(id_key, " is ", id_value.dump(), ", wanted a whole number"));
      }
      const auto id = id_value.get<std::int64_t>();
      if (!values.emplace(id, read(entry.at(key))).second) {
        throw Error(cat("duplicate ", id_key, " ", id));
      }
    } catch (const std::exception& fault) {
      throw Error(cat(path.string(), ":", number, ": ", fault.what()));
    }
  }
  if (in.bad()) throw Error(cat("cannot read ", path.string()));
  return values;
}

std::vector<std::string> read_texts(const json& value) {
  return value.get<std::vector<std::string>>();
}

std::vector<image::Rle> read_masks(const json& value) {
  if (!value.is_array()) throw Error("proposals: wanted a list");
  std::vector<image::Rle> masks;
  for (const auto& proposal : value) {
    const auto& segmentation = proposal.at("segmentation");
    masks.push_back(image::from_coco_string(segmentation.at("counts").get<std::string>(),
                                            segmentation.at("size").at(0).get<std::int64_t>(),
                                            segmentation.at("size").at(1).get<std::int64_t>()));
  }
  return masks;
}

}  // namespace

Cues read_cues(const std::filesystem::path& path) {
  return read_lines<std::vector<std::string>>(path, "sent_id", "cues", read_texts);
}

Captions read_captions(const std::filesystem::path& path) {
  return read_lines<std::vector<std::string>>(path, "image_id", "captions", read_texts);
}

Proposals read_proposals(const std::filesystem::path& path) {
  return read_lines<std::vector<image::Rle>>(path, "image_id", "proposals", read_masks);
}

}  // namespace pcnet::data
