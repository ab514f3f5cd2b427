#include "pcnet/serve/kept_images.h"

#include <utility>

namespace pcnet::serve {

std::int64_t KeptImage::bytes() const {
  std::int64_t sum = 512;  // itself, with its places in list and map
  for (const auto& part : seen) sum += static_cast<std::int64_t>(part.nbytes());
  return sum + (embedding ? static_cast<std::int64_t>(embedding->features.nbytes()) : 0);
}

std::shared_ptr<const KeptImage> KeptImages::find(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto* image = images_.find(id);
  return image == nullptr ? nullptr : *image;
}

void KeptImages::keep(const std::string& id, std::shared_ptr<const KeptImage> image) {
  const std::lock_guard lock(mutex_);
  const auto* here = images_.find(id);
  if (here != nullptr && (*here)->embedding && !image->embedding) return;
  const std::int64_t bytes = image->bytes();
  images_.keep(id, std::move(image), bytes);
}

std::int64_t KeptImages::bytes() const {
  const std::lock_guard lock(mutex_);
  return images_.bytes();
}

std::int64_t KeptImages::count() const {
  const std::lock_guard lock(mutex_);
  return images_.count();
}

ImagesUnderWay::Hold::Hold(ImagesUnderWay& all, const std::string& id, Deadline deadline)
    : all_(all), id_(id) {
  std::unique_lock lock(all_.mutex_);
  const auto is_free = [&] { return !all_.names_.contains(id_); };
  waited_ = !is_free();
  held_ = all_.changed_.wait_until(lock, deadline, is_free);
  if (held_) all_.names_.insert(id_);
}

ImagesUnderWay::Hold::~Hold() {
  if (!held_) return;
  {
    const std::lock_guard lock(all_.mutex_);
    all_.names_.erase(id_);
  }
  all_.changed_.notify_all();
}

}  // namespace pcnet::serve
