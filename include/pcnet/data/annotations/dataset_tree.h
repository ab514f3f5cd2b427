#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "pcnet/config/data_options.h"

namespace pcnet::data {

/// Where the files of one dataset are. Empty paths: the tree has no such file.
struct DatasetFiles {
  std::string dataset;   ///< "refcoco", "refsynth", ...; "custom" for a file of JSON lines
  std::string split_by;  ///< "unc", "google", "umd"; empty for custom data
  std::filesystem::path annotations;  ///< refs(<split_by>).p, or annotations.jsonl of custom data
  std::filesystem::path instances;    ///< REFER's objects; custom data has none
  std::filesystem::path pack;         ///< the whole dataset in one file: no other path is set
  std::uint32_t pack_checksum = 0;    ///< CRC-32 of the pack's header, which holds its sections'
  std::filesystem::path images;
  std::filesystem::path cues;
  std::filesystem::path proposals;
  std::filesystem::path captions;
  bool apply_exif = false;  ///< pictures are turned as their EXIF orientation says

  /// Lines of one's own (docs/custom_data.md), not REFER's two files.
  bool is_custom() const { return instances.empty() && pack.empty(); }
};

/// Whether a dataset's pictures are looked at, or its annotations alone.
enum class Pictures { kUsed, kUnused };

/// Finds a dataset's files from its root (docs/formats.md#dataset-trees): `refer/<dataset>` or
/// `<dataset>` for the annotations; `train2014`, `images/train2014` or
/// `images/mscoco/images/train2014` for the pictures; or `annotations.jsonl`. The root may also be
/// the folder above, `refer`, or the dataset's own folder. Options that are not empty win. Error
/// that says what is missing, how to get it and where it must lie, and, when several datasets fit,
/// their names.
/// @param pictures kUnused: a folder of pictures that is not there is empty, and no Error
DatasetFiles locate_dataset(const config::DataOptions& options,
                            Pictures pictures = Pictures::kUsed);

/// Whether pictures are turned as their EXIF orientation says (data.exif). Masks of one's own are
/// drawn on what viewers show, COCO's on the pixels as they are stored.
bool turns_pictures(const config::DataOptions& options, bool custom);

/// Whether a dataset of these names (empty: any) lies below the root.
bool has_dataset(const config::DataOptions& options);

/// Whether both name the same annotations; no when one of them names none, or several.
bool are_same_dataset(const config::DataOptions& one, const config::DataOptions& other);

/// What was found, a line for each kind of file, for people.
std::string describe(const DatasetFiles& files);

}  // namespace pcnet::data
