#include "pcnet/data/sources/picture_store.h"

#include <algorithm>
#include <utility>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/lap.h"
#include "pcnet/core/log.h"
#include "pcnet/image/fit.h"
#include "pcnet/image/picture.h"
#include "pcnet/image/resize.h"

#include "data/annotations/orientation_note.h"

namespace pcnet::data {

using core::cat;
using core::Error;

PictureStore::PictureStore(const ReferIndex& index, const DatasetFiles& files,
                           const config::DataOptions& options)
    : index_(index),
      folder_(files.images),
      apply_exif_(files.apply_exif),
      size_(options.image_size),
      keep_(options.cache == "memory"),
      skip_bad_(options.on_bad_image == "skip") {}

PictureStore::PictureStore(const Pack& pack, const config::DataOptions& options)
    : index_(pack.index()),
      pack_(&pack),
      size_(pack.key().image_size),
      keep_(false),  // the system keeps the pack's pages
      skip_bad_(options.on_bad_image == "skip") {}

std::optional<at::Tensor> PictureStore::get(std::int64_t image_id, PictureTimes* times) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = kept_.find(image_id);
    if (found != kept_.end()) return found->second;
    if (skipped_.contains(image_id)) return std::nullopt;
  }
  at::Tensor picture;
  try {
    picture = pack_ != nullptr ? read_packed(image_id, times) : read(index_.image(image_id), times);
  } catch (const Error& fault) {
    const std::string message = cat("image_id ", image_id, ": ", fault.what());
    if (!skip_bad_) {
      throw Error(message + " (data.on_bad_image: skip goes on without such pictures)");
    }
    const std::lock_guard lock(mutex_);
    if (skipped_.insert(image_id).second) core::log::warning("skipped " + message);
    return std::nullopt;
  }
  if (keep_) {
    const std::lock_guard lock(mutex_);
    kept_.emplace(image_id, picture);
  }
  return picture;
}

std::int64_t PictureStore::skipped() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::int64_t>(skipped_.size());
}

void PictureStore::report_skipped() const {
  const std::int64_t count = skipped();
  if (count == 0) return;
  core::log::warning(cat(count, count == 1 ? " picture" : " pictures", " could not be read and ",
                         count == 1 ? "was" : "were", " left out (data.on_bad_image: skip)"));
}

at::Tensor PictureStore::read_packed(std::int64_t image_id, PictureTimes* times) const {
  core::Lap lap;
  auto picture = pack_->picture(image_id);
  if (times != nullptr) times->decode += lap.take();
  if (picture) return std::move(*picture);
  throw Error(cat("it could not be read when ", pack_->path().string(), " was made"));
}

image::Picture PictureStore::original(std::int64_t image_id) const {
  const ImageRecord& record = index_.image(image_id);
  if (pack_ == nullptr) return read_file(record);
  const at::Tensor packed = read_packed(image_id, nullptr);
  image::Picture square(size_, size_);
  const auto* from = packed.const_data_ptr<std::uint8_t>();
  std::copy_n(from, square.rgb.size(), square.rgb.begin());
  return image::stretch(square, record.height, record.width);
}

image::Picture PictureStore::read_file(const ImageRecord& record) const {
  const auto path = folder_ / record.file_name;
  image::Picture picture = image::read_picture(path, apply_exif_);
  if (picture.height == record.height && picture.width == record.width) return picture;
  const std::string note = orientation_note(path, apply_exif_);
  throw Error(cat(path.string(), " is ", picture.width, " x ", picture.height,
                  ", the annotations say ", record.width, " x ", record.height,
                  note.empty() ? "" : "; ", note));
}

at::Tensor PictureStore::read(const ImageRecord& record, PictureTimes* times) const {
  core::Lap lap;
  const image::Picture picture = read_file(record);
  const double decoded = lap.take();
  at::Tensor resized = image::resize_square(picture, size_);
  if (times != nullptr) {
    times->decode += decoded;
    times->resize += lap.take();
  }
  return resized;
}

}  // namespace pcnet::data
