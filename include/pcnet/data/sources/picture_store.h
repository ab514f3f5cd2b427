#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <ATen/core/Tensor.h>

#include "pcnet/config/data_options.h"
#include "pcnet/data/annotations/refer_index.h"
#include "pcnet/data/pack/pack.h"
#include "pcnet/image/picture.h"

namespace pcnet::data {

/// Seconds spent on reading pictures, by part.
struct PictureTimes {
  double decode = 0;  ///< from a pack: comparing a picture's checksum the first time
  double resize = 0;
};

/// The pictures of a dataset: decoded, resized to the training size and kept in memory if asked to,
/// or as they are in a pack. Safe to use from several threads.
class PictureStore {
 public:
  /// The index, or the pack, must outlive the store.
  PictureStore(const ReferIndex& index, const DatasetFiles& files,
               const config::DataOptions& options);
  PictureStore(const Pack& pack, const config::DataOptions& options);

  /// The picture with that id, [3, S, S] uint8. A picture that cannot be read is an Error that
  /// names the file and image_id, or, with `on_bad_image: skip`, nothing, and is counted, with a
  /// warning the first time. `times`, when given, grows by what reading took.
  std::optional<at::Tensor> get(std::int64_t image_id, PictureTimes* times = nullptr);

  /// The picture at its own size, to be drawn on: the file's, or, from a pack, the resized one
  /// stretched back. Error for one that cannot be read, whatever `on_bad_image` says.
  image::Picture original(std::int64_t image_id) const;

  /// How many pictures could not be read and were skipped.
  std::int64_t skipped() const;

  /// Warns when pictures were skipped, with their number: the last word of a run.
  void report_skipped() const;

 private:
  at::Tensor read(const ImageRecord& record, PictureTimes* times) const;
  image::Picture read_file(const ImageRecord& record) const;
  at::Tensor read_packed(std::int64_t image_id, PictureTimes* times) const;

  const ReferIndex& index_;
  const Pack* pack_ = nullptr;
  std::filesystem::path folder_;
  bool apply_exif_ = false;
  std::int64_t size_;
  bool keep_;
  bool skip_bad_;
  mutable std::mutex mutex_;
  std::unordered_map<std::int64_t, at::Tensor> kept_;
  std::unordered_set<std::int64_t> skipped_;
};

}  // namespace pcnet::data
