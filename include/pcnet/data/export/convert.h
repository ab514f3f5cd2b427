#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "pcnet/data/sources/dataset.h"

namespace pcnet::data {

struct ConvertOptions {
  std::string to;             ///< "custom" or "refer"
  std::filesystem::path out;  ///< a new folder, or an empty one
  bool copy_images = false;   ///< else the pictures stay where they are and are linked by path
};

/// How much was written.
struct Conversion {
  std::filesystem::path out;
  std::int64_t images = 0;
  std::int64_t rewritten_images = 0;
  std::int64_t objects = 0;
  std::int64_t references = 0;
  std::int64_t sentences = 0;
  std::int64_t sentences_with_cues = 0;
};

/// Writes a dataset in the other form: custom JSON lines (docs/custom_data.md), or REFER's
/// `refer/<dataset>/` with `train2014/` beside it. Masks, texts, splits and cues stay what they
/// were; ids of custom data are counted anew, and categories are REFER's alone. A picture whose
/// EXIF orientation the new tree's reader would take otherwise is written as a PNG, as it is read
/// here. The folder appears when it is whole. Error for a folder that is not empty or a picture
/// that is not there.
Conversion convert_dataset(Dataset& dataset, const ConvertOptions& options);

}  // namespace pcnet::data
