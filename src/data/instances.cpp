#include <nlohmann/json.hpp>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/data/refer_index.h"

namespace pcnet::data {

using core::cat;
using core::Error;
using nlohmann::json;

namespace {

image::Rle read_rle(const json& segmentation) {
  const auto& size = segmentation.at("size");
  const auto height = size.at(0).get<std::int64_t>();
  const auto width = size.at(1).get<std::int64_t>();
  const auto& counts = segmentation.at("counts");
  if (counts.is_string()) {
    return image::from_coco_string(counts.get_ref<const std::string&>(), height, width);
  }
  return {height, width, counts.get<std::vector<std::uint32_t>>()};
}

/// Error unless the mask can be drawn at the picture's size: found here, with its id, rather than
/// in the middle of an evaluation.
void check_mask(const Annotation& annotation, const ImageRecord& picture) {
  for (const auto& polygon : annotation.polygons) {
    if (polygon.size() < 6 || polygon.size() % 2 != 0) {
      throw Error(
          cat("a polygon has ", polygon.size(), " numbers, wanted an even count of at least 6"));
    }
  }
  if (!annotation.polygons.empty()) return;
  const image::Rle& rle = annotation.rle;
  if (rle.height != picture.height || rle.width != picture.width) {
    throw Error(cat("its mask is ", rle.height, " x ", rle.width, " (height x width), its picture ",
                    picture.height, " x ", picture.width));
  }
  std::int64_t pixels = 0;
  for (const auto run : rle.counts) pixels += run;
  if (pixels != rle.height * rle.width) {
    throw Error(cat("its runs cover ", pixels, " pixels, its size ", rle.height * rle.width));
  }
}

Annotation read_annotation(const json& entry) {
  Annotation annotation;
  annotation.ann_id = entry.at("id").get<std::int64_t>();
  annotation.image_id = entry.at("image_id").get<std::int64_t>();
  annotation.box = entry.at("bbox").get<std::array<double, 4>>();
  const auto& segmentation = entry.at("segmentation");
  if (segmentation.is_array()) {
    annotation.polygons = segmentation.get<std::vector<std::vector<double>>>();
    if (annotation.polygons.empty()) throw Error("its segmentation is empty");
  } else {
    annotation.rle = read_rle(segmentation);
  }
  return annotation;
}

ImageRecord read_image(const json& entry) {
  ImageRecord record{entry.at("id").get<std::int64_t>(), entry.at("file_name").get<std::string>(),
                     entry.at("height").get<std::int64_t>(), entry.at("width").get<std::int64_t>()};
  if (record.height < 1 || record.width < 1) {
    throw Error(cat("its size is ", record.height, " x ", record.width,
                    " (height x width), wanted sizes from 1"));
  }
  return record;
}

/// Reads each entry of a list; a fault names the file, the list and the entry's id.
template <class Read>
void for_each_entry(const json& document, const std::string& file, const char* list, Read read) {
  if (!document.is_object() || !document.contains(list) || !document.at(list).is_array()) {
    throw Error(cat(file, ": no list \"", list, "\": not COCO's instances format"));
  }
  std::size_t position = 0;
  for (const auto& entry : document.at(list)) {
    try {
      read(entry);
    } catch (const std::exception& fault) {
      const auto id = entry.is_object() && entry.contains("id") ? entry.at("id").dump() : "unknown";
      throw Error(cat(file, ": ", list, "[", position, "] (id ", id, "): ", fault.what()));
    }
    ++position;
  }
}

}  // namespace

void ReferIndex::read_instances(const std::filesystem::path& path) {
  const std::string file = path.string();
  json document;
  try {
    document = json::parse(core::read_file(path));
  } catch (const json::exception& fault) {
    throw Error(cat(file, ": broken JSON: ", fault.what()));
  }
  for_each_entry(document, file, "images", [this](const json& entry) {
    images_.push_back(read_image(entry));
    if (!image_at_.emplace(images_.back().image_id, images_.size() - 1).second) {
      throw Error("duplicate id");
    }
  });
  for_each_entry(document, file, "annotations", [this](const json& entry) {
    annotations_.push_back(read_annotation(entry));
    const Annotation& added = annotations_.back();
    if (!annotation_at_.emplace(added.ann_id, annotations_.size() - 1).second) {
      throw Error("duplicate id");
    }
    if (!image_at_.contains(added.image_id)) {
      throw Error(cat("its image_id ", added.image_id, " is not among the images"));
    }
    check_mask(added, image(added.image_id));
    annotations_of_[added.image_id].push_back(added.ann_id);
  });
}

}  // namespace pcnet::data
