#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include <ATen/core/Tensor.h>

#include "pcnet/config/data_options.h"
#include "pcnet/data/sources/dataset_source.h"
#include "pcnet/image/picture.h"

namespace pcnet::core {
class Communicator;
}
namespace pcnet::data {

/// The pictures of a dataset at the training size, kept in memory if asked to. Safe to use from
/// several threads.
class PictureStore {
 public:
  /// The source must outlive the store.
  PictureStore(const DatasetSource& source, const config::DataOptions& options);

  /// The picture with that id, [3, S, S] uint8. A picture that cannot be read is an Error that
  /// names the file and image_id, or, with `on_bad_image: skip`, nothing, and is counted, with a
  /// warning the first time. `times`, when given, grows by what reading took.
  std::optional<at::Tensor> get(std::int64_t image_id, PictureTimes* times = nullptr);

  /// S
  std::int64_t side() const { return side_; }

  /// The picture at its own size, to be drawn on (DatasetSource). Error for one that cannot be
  /// read, whatever `on_bad_image` says.
  image::Picture original(std::int64_t image_id) const;

  /// How many pictures could not be read and were skipped.
  std::int64_t skipped() const;

  /// Warns when pictures were skipped, with their number: the last word of a run. With a team
  /// process 0 also speaks for those that share the pictures with it.
  void report_skipped(core::Communicator* team = nullptr) const;

 private:
  const DatasetSource& source_;
  std::int64_t side_;
  bool keep_;
  bool skip_bad_;
  mutable std::mutex mutex_;
  std::unordered_map<std::int64_t, at::Tensor> kept_;
  std::map<std::int64_t, std::string> skipped_;  // and why
};

}  // namespace pcnet::data
