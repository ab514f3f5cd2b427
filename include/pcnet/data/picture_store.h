#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "pcnet/config/data_options.h"
#include "pcnet/data/refer_index.h"

namespace pcnet::data {

/// The pictures of a dataset, decoded, resized to the training size and kept in memory if asked to.
/// Safe to use from several threads.
class PictureStore {
 public:
  PictureStore(const ReferIndex& index, std::filesystem::path folder,
               const config::DataOptions& options);

  /// The picture with that id, [3, S, S] uint8. A picture that cannot be read is an Error that
  /// names the file and image_id, or, with `on_bad_image: skip`, nothing, and is counted.
  std::optional<at::Tensor> get(std::int64_t image_id);

  /// How many reads failed and were skipped.
  std::int64_t skipped() const { return skipped_; }

 private:
  at::Tensor read(const ImageRecord& record) const;

  const ReferIndex& index_;
  std::filesystem::path folder_;
  std::int64_t size_;
  bool keep_;
  bool skip_bad_;
  std::mutex mutex_;
  std::unordered_map<std::int64_t, at::Tensor> kept_;
  std::atomic<std::int64_t> skipped_ = 0;
};

}  // namespace pcnet::data
