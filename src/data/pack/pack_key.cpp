#include "pcnet/data/pack/pack_key.h"

#include <algorithm>
#include <iomanip>
#include <utility>

#include <nlohmann/json.hpp>

#include "pcnet/core/error.h"
#include "pcnet/core/folders.h"
#include "pcnet/core/format.h"
#include "pcnet/core/mapped_file.h"
#include "pcnet/data/annotations/digest.h"
#include "pcnet/data/proposals/proposal_filter.h"

#include "pack_stream.h"

namespace pcnet::data {

namespace fs = std::filesystem;
using core::cat;
using core::Error;
using nlohmann::ordered_json;

namespace {

/// The files that hold what is said about the pictures, by kind; those that there are.
std::map<std::string, fs::path> source_files(const DatasetFiles& files) {
  std::map<std::string, fs::path> all = {
      {files.is_custom() ? "sentences" : "references", files.annotations},
      {"objects", files.instances},
      {"cues", files.cues},
      {"proposals", files.proposals},
      {"captions", files.captions}};
  std::erase_if(all, [](const auto& entry) { return entry.second.empty(); });
  return all;
}

std::string place_of(const fs::path& path) {
  return fs::absolute(path).lexically_normal().string();
}

using NamesAndSizes = std::vector<std::pair<std::string, std::uint64_t>>;

/// Adds what a folder and those below it hold, under its name relative to `top`.
void add_files(const fs::path& folder, const fs::path& top, NamesAndSizes& entries) {
  for (const auto& entry : core::list_folder(folder)) {
    if (entry.is_directory() && !entry.is_symlink()) add_files(entry.path(), top, entries);
    if (!entry.is_regular_file()) continue;
    entries.emplace_back(entry.path().lexically_relative(top).string(), entry.file_size());
  }
}

SourceRecord folder_source(const fs::path& folder) {
  NamesAndSizes entries;
  add_files(folder, folder, entries);
  std::sort(entries.begin(), entries.end());
  SourceRecord source{place_of(folder), {}, 0};
  RecordWriter names;
  for (const auto& [name, bytes] : entries) {
    source.stamp.bytes += bytes;
    names.text(name);
    names.number(bytes);
  }
  source.checksum = checksum_of(names.bytes());
  return source;
}

std::uint32_t file_checksum(const fs::path& path) {
  return checksum_of(core::MappedFile(path).bytes());
}

/// True when the path still holds what the source was, whatever its name is now.
bool is_unchanged(const SourceRecord& source, const fs::path& path) {
  if (fs::is_directory(path)) {
    const SourceRecord now = folder_source(path);
    return now.stamp == source.stamp && now.checksum == source.checksum;
  }
  const FileStamp now = stamp_of(path);
  if (now.bytes != source.stamp.bytes) return false;
  if (place_of(path) == source.path && now.modified == source.stamp.modified) return true;
  return file_checksum(path) == source.checksum;
}

class Reasons {
 public:
  template <class Value>
  void compare(const std::string& what, const Value& packed, const Value& wanted) {
    if (packed == wanted) return;
    reasons_.push_back(cat(what, " is ", wanted, ", the pack was made with ", packed));
  }
  void add(std::string reason) { reasons_.push_back(std::move(reason)); }
  std::vector<std::string> take() { return std::move(reasons_); }

 private:
  std::vector<std::string> reasons_;
};

std::string exif_of(const PackKey& key) { return key.apply_exif ? "turned" : "stored"; }

void compare_settings(const PackKey& packed, const PackKey& wanted, Reasons& reasons) {
  if (!wanted.dataset.empty()) reasons.compare("data.dataset", packed.dataset, wanted.dataset);
  if (!wanted.split_by.empty()) reasons.compare("data.split_by", packed.split_by, wanted.split_by);
  reasons.compare("data.exif", exif_of(packed), exif_of(wanted));
  reasons.compare("data.image_size", packed.image_size, wanted.image_size);
  reasons.compare("data.text_length", packed.text_length, wanted.text_length);
  reasons.compare("data.truncate", packed.truncate, wanted.truncate);
  if (!packed.sources.contains("proposals")) return;
  const bool scored = packed.sources.at("proposals").path.ends_with(".json");
  for (const auto& [name, value] : wanted.proposal_filter) {
    if (name == "score" && !scored) continue;
    auto found = packed.proposal_filter.find(name);
    // Before there was a key for scores, that of SAM's predicted IoU bounded them.
    if (name == "score" && found == packed.proposal_filter.end()) {
      found = packed.proposal_filter.find("predicted_iou");
    }
    reasons.compare(cat("data.proposal_filter.", name),
                    found == packed.proposal_filter.end() ? "none" : found->second, value);
  }
}

PackKey asked_settings(const config::DataOptions& options) {
  PackKey key;
  key.dataset = options.dataset;
  key.split_by = options.split_by;
  key.image_size = options.image_size;
  key.text_length = options.text_length;
  key.truncate = options.truncate.word();
  key.proposal_filter = settings_of(options.proposal_filter);
  return key;
}

}  // namespace

FileStamp stamp_of(const fs::path& path) {
  std::error_code unknown;
  const auto bytes = fs::file_size(path, unknown);
  if (unknown) return {};
  const auto modified = fs::last_write_time(path, unknown);
  if (unknown) return {};
  return {bytes, static_cast<std::int64_t>(modified.time_since_epoch().count())};
}

SourceRecord source_of(const fs::path& path) {
  if (fs::is_directory(path)) return folder_source(path);
  return {place_of(path), stamp_of(path), file_checksum(path)};
}

std::string vocabulary_name(const text::Tokenizer& tokenizer) {
  if (tokenizer.words().empty()) return cat("bpe of ", tokenizer.vocabulary_size(), " tokens");
  RecordWriter words;
  for (const auto& word : tokenizer.words()) words.text(word);
  return cat(tokenizer.words().size(), " words (", std::hex, std::setfill('0'), std::setw(8),
             checksum_of(words.bytes()), ")");
}

PackKey make_pack_key(const DatasetFiles& files, const config::DataOptions& options,
                      const text::Tokenizer& tokenizer, const GridStore::Options& grid) {
  PackKey key = asked_settings(options);
  key.dataset = files.dataset;
  key.split_by = files.split_by;
  key.images = files.images.string();
  key.apply_exif = files.apply_exif;
  key.vocabulary = vocabulary_name(tokenizer);
  key.grid_height = grid.height;
  key.grid_width = grid.width;
  key.grid_most = grid.most;
  for (const auto& [kind, path] : source_files(files)) key.sources.emplace(kind, source_of(path));
  return key;
}

ordered_json to_json(const PackKey& key) {
  ordered_json sources = ordered_json::object();
  for (const auto& [kind, source] : key.sources) {
    sources[kind] = {{"path", source.path},
                     {"bytes", source.stamp.bytes},
                     {"modified", source.stamp.modified},
                     {"checksum", source.checksum}};
  }
  return {{"dataset", key.dataset},
          {"split_by", key.split_by},
          {"images", key.images},
          {"exif", exif_of(key)},
          {"image_size", key.image_size},
          {"text_length", key.text_length},
          {"truncate", key.truncate},
          {"vocabulary", key.vocabulary},
          {"proposal_filter", key.proposal_filter},
          {"grid", {key.grid_height, key.grid_width, key.grid_most}},
          {"sources", sources}};
}

PackKey pack_key_from_json(const ordered_json& document) {
  try {
    PackKey key;
    document.at("dataset").get_to(key.dataset);
    document.at("split_by").get_to(key.split_by);
    document.at("images").get_to(key.images);
    key.apply_exif = document.at("exif").get<std::string>() == "turned";
    document.at("image_size").get_to(key.image_size);
    document.at("text_length").get_to(key.text_length);
    document.at("truncate").get_to(key.truncate);
    document.at("vocabulary").get_to(key.vocabulary);
    document.at("proposal_filter").get_to(key.proposal_filter);
    document.at("grid").at(0).get_to(key.grid_height);
    document.at("grid").at(1).get_to(key.grid_width);
    document.at("grid").at(2).get_to(key.grid_most);
    for (const auto& [kind, source] : document.at("sources").items()) {
      const FileStamp stamp{source.at("bytes").get<std::uint64_t>(),
                            source.at("modified").get<std::int64_t>()};
      key.sources.emplace(kind, SourceRecord{source.at("path").get<std::string>(), stamp,
                                             source.at("checksum").get<std::uint32_t>()});
    }
    return key;
  } catch (const ordered_json::exception& error) {
    throw Error(cat("its key is broken: ", error.what()));
  }
}

std::vector<std::string> settings_of(const PackKey& key) {
  std::vector<std::string> settings = {
      cat("data.exif=", exif_of(key)), cat("data.image_size=", key.image_size),
      cat("data.text_length=", key.text_length), cat("data.truncate=", key.truncate),
      cat("model.clip.text.tokenizer=", key.vocabulary.starts_with("bpe") ? "bpe" : "words")};
  for (const auto& [name, value] : key.proposal_filter) {
    settings.push_back(cat("data.proposal_filter.", name, "=", value));
  }
  return settings;
}

std::vector<std::string> stale_settings(const PackKey& key, const config::DataOptions& options) {
  Reasons reasons;
  PackKey wanted = asked_settings(options);
  wanted.apply_exif = turns_pictures(options, /*custom=*/key.sources.contains("sentences"));
  compare_settings(key, wanted, reasons);
  return reasons.take();
}

std::vector<std::string> stale_sources(const PackKey& key, const DatasetFiles& files) {
  Reasons reasons;
  const auto now = source_files(files);
  for (const auto& [kind, path] : now) {
    const auto packed = key.sources.find(kind);
    if (packed == key.sources.end()) {
      reasons.add(cat("the dataset has ", kind, " in ", path.string(), ", the pack has none"));
    } else if (!is_unchanged(packed->second, path)) {
      reasons.add(cat("the ", kind, " in ", path.string(), " are not those that were packed"));
    }
  }
  for (const auto& [kind, source] : key.sources) {
    if (now.contains(kind)) continue;
    reasons.add(cat("the dataset has no ", kind, ", the pack has those of ", source.path));
  }
  return reasons.take();
}

std::vector<std::string> differences(const PackKey& packed, const PackKey& wanted) {
  Reasons reasons;
  compare_settings(packed, wanted, reasons);
  reasons.compare("the vocabulary", packed.vocabulary, wanted.vocabulary);
  const auto grid = [](const PackKey& key) {
    return cat(key.grid_height, " x ", key.grid_width, ", at most ", key.grid_most);
  };
  reasons.compare("the grid of the proposals", grid(packed), grid(wanted));
  return reasons.take();
}

}  // namespace pcnet::data
