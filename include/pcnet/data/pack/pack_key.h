#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "pcnet/config/data_options.h"
#include "pcnet/data/annotations/dataset_tree.h"
#include "pcnet/data/proposals/grid_store.h"
#include "pcnet/text/tokenizer.h"

namespace pcnet::data {

/// What tells quickly whether a file is still the same.
struct FileStamp {
  std::uint64_t bytes = 0;
  std::int64_t modified = 0;  ///< ticks of the file system's clock

  bool operator==(const FileStamp&) const = default;
};
/// All 0 for a file that cannot be looked at.
FileStamp stamp_of(const std::filesystem::path& path);

/// A file or folder that a pack was made from.
struct SourceRecord {
  std::string path;            ///< absolute
  FileStamp stamp;             ///< of a folder: the bytes of all its files, no time
  std::uint32_t checksum = 0;  ///< CRC-32 of the bytes; of a folder: of its files' names and sizes

  bool operator==(const SourceRecord&) const = default;
};

/// Reads a file, or lists a folder.
SourceRecord source_of(const std::filesystem::path& path);

/// Everything that the contents of a pack depend on, the pictures' own bytes apart.
struct PackKey {
  std::string dataset;
  std::string split_by;
  std::string images;       ///< folder of the pictures
  bool apply_exif = false;  ///< they are turned as their EXIF orientation says
  std::int64_t image_size = 0;
  std::int64_t text_length = 0;
  std::string truncate;
  std::string vocabulary;  ///< of the tokens, as vocabulary_name gives it
  std::map<std::string, std::string> proposal_filter;  ///< data.proposal_filter, key by key
  std::int64_t grid_height = 0;                        ///< of the proposals, in cells
  std::int64_t grid_width = 0;
  std::int64_t grid_most = 0;
  std::map<std::string, SourceRecord> sources;  ///< by kind: "references", "objects", "cues", ...
};

/// Reads every source file once, for its checksum.
PackKey make_pack_key(const DatasetFiles& files, const config::DataOptions& options,
                      const text::Tokenizer& tokenizer, const GridStore::Options& grid);

/// Tells vocabularies apart: "bpe of 49408 tokens", "432 words (1a2b3c4d)".
std::string vocabulary_name(const text::Tokenizer& tokenizer);

nlohmann::ordered_json to_json(const PackKey& key);
/// Error when the document is not such a key.
PackKey pack_key_from_json(const nlohmann::ordered_json& document);

/// The settings as overrides of a configuration: "data.image_size=320", ...
std::vector<std::string> settings_of(const PackKey& key);

/// Why a pack with this key does not give what the options ask for, a reason each; none: it does.
/// Options that are empty ask for nothing.
std::vector<std::string> stale_settings(const PackKey& key, const config::DataOptions& options);

/// What changed in the dataset's files since the pack was made. A file of the same size and time is
/// taken for the same; of another time, when its bytes are.
std::vector<std::string> stale_sources(const PackKey& key, const DatasetFiles& files);

/// What two keys of one dataset differ in: settings first, then sources.
std::vector<std::string> differences(const PackKey& packed, const PackKey& wanted);

}  // namespace pcnet::data
