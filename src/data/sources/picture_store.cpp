#include "pcnet/data/sources/picture_store.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "pcnet/core/communicator.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/log.h"

namespace pcnet::data {

using core::cat;
using core::Error;

PictureStore::PictureStore(const DatasetSource& source, const config::DataOptions& options)
    : source_(source),
      side_(options.image_size),
      keep_(options.cache == "memory" && source.reading_takes_time()),
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
    picture = source_.read_picture(source_.index().image(image_id), times);
  } catch (const Error& error) {
    const std::string message = cat("image_id ", image_id, ": ", error.what());
    if (!skip_bad_) {
      throw Error(message + " (data.on_bad_image: skip goes on without such images)");
    }
    const std::lock_guard lock(mutex_);
    if (skipped_.emplace(image_id, message).second) core::log::warning("skipped " + message);
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

void PictureStore::report_skipped(core::Communicator* team) const {
  std::map<std::int64_t, std::string> all;
  {
    const std::lock_guard lock(mutex_);
    all = skipped_;
  }
  if (team != nullptr && !team->is_alone()) {
    const std::size_t own = all.size();
    for (const auto& said : team->all_gather(core::json_text(nlohmann::ordered_json(all)))) {
      all.merge(core::parse_json<nlohmann::ordered_json>(said)
                    .get<std::map<std::int64_t, std::string>>());
    }
    if (all.size() > own) {
      const std::lock_guard lock(mutex_);
      for (const auto& [image_id, message] : all) {
        if (!skipped_.contains(image_id)) core::log::warning("skipped " + message);
      }
    }
  }
  const auto count = static_cast<std::int64_t>(all.size());
  if (count == 0) return;
  core::log::warning(cat(count, count == 1 ? " image" : " images", " could not be read and ",
                         count == 1 ? "was" : "were", " left out (data.on_bad_image: skip)"));
}

image::Picture PictureStore::original(std::int64_t image_id) const {
  return source_.original_picture(source_.index().image(image_id));
}

}  // namespace pcnet::data
