#include "pcnet/data/picture_store.h"

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/image/picture.h"
#include "pcnet/image/resize.h"

namespace pcnet::data {

using core::cat;
using core::Error;

PictureStore::PictureStore(const ReferIndex& index, std::filesystem::path folder,
                           const config::DataOptions& options)
    : index_(index),
      folder_(std::move(folder)),
      size_(options.image_size),
      keep_(options.cache == "memory"),
      skip_bad_(options.on_bad_image == "skip") {}

std::optional<at::Tensor> PictureStore::get(std::int64_t image_id) {
  if (keep_) {
    const std::lock_guard lock(mutex_);
    const auto found = kept_.find(image_id);
    if (found != kept_.end()) return found->second;
  }
  at::Tensor picture;
  try {
    picture = read(index_.image(image_id));
  } catch (const Error& fault) {
    const std::string message = cat("image_id ", image_id, ": ", fault.what());
    if (!skip_bad_) {
      throw Error(message + " (data.on_bad_image: skip goes on without such pictures)");
    }
    ++skipped_;
    core::log::warning("skipped " + message);
    return std::nullopt;
  }
  if (keep_) {
    const std::lock_guard lock(mutex_);
    kept_.emplace(image_id, picture);
  }
  return picture;
}

at::Tensor PictureStore::read(const ImageRecord& record) const {
  const auto path = folder_ / record.file_name;
  const image::Picture picture = image::read_picture(path);
  if (picture.height != record.height || picture.width != record.width) {
    throw Error(cat(path.string(), " is ", picture.width, " x ", picture.height,
                    ", instances.json says ", record.width, " x ", record.height));
  }
  return image::resize_square(picture, size_);
}

}  // namespace pcnet::data
