#pragma once

#include <filesystem>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "pcnet/synth/benchmark.h"

namespace pcnet::synth {

/// Version of what the generator writes: raised whenever the same options give other bytes.
inline constexpr int kFormatVersion = 2;
inline constexpr const char* kManifestName = "refsynth.json";
inline constexpr const char* kPictureFolder = "images/mscoco/images/train2014";

/// The benchmark's own description: options and counts, and the size of each annotation file.
nlohmann::ordered_json make_manifest(const Options& options, const Summary& summary,
                                     const std::map<std::string, std::uint64_t>& files);

/// The options and counts as one document, as the manifest and `--json` hold them.
nlohmann::ordered_json to_json(const Options& options, const Summary& summary);

/// True when nothing stands in the way at `folder` (missing or empty); false when it holds the
/// whole benchmark of these options, whose counts go to `summary`; Error when it holds anything
/// else.
bool is_free(const std::filesystem::path& folder, const Options& options, Summary& summary);

}  // namespace pcnet::synth
