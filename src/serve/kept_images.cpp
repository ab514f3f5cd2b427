#include "pcnet/serve/kept_images.h"

namespace pcnet::serve {

std::int64_t KeptImage::bytes() const {
  std::int64_t sum = 512;  // itself, with its places in list and map
  for (const auto& part : seen) sum += static_cast<std::int64_t>(part.nbytes());
  return sum + (embedding ? static_cast<std::int64_t>(embedding->features.nbytes()) : 0);
}

std::shared_ptr<const KeptImage> KeptImages::find(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto place = places_.find(id);
  if (place == places_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, place->second);
  return place->second->second;
}

void KeptImages::keep(const std::string& id, std::shared_ptr<const KeptImage> image) {
  const std::lock_guard lock(mutex_);
  if (const auto place = places_.find(id); place != places_.end()) {
    if (place->second->second->embedding && !image->embedding) return;
    bytes_ -= place->second->second->bytes();
    entries_.erase(place->second);
    places_.erase(place);
  }
  bytes_ += image->bytes();
  entries_.emplace_front(id, std::move(image));
  places_[id] = entries_.begin();
  while (bytes_ > most_bytes_) {
    bytes_ -= entries_.back().second->bytes();
    places_.erase(entries_.back().first);
    entries_.pop_back();
  }
}

std::int64_t KeptImages::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

std::int64_t KeptImages::count() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::int64_t>(entries_.size());
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
