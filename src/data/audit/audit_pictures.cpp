#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/image/picture.h"

#include "audit_parts.h"
#include "data/annotations/orientation_note.h"

namespace pcnet::data {

namespace fs = std::filesystem;
using core::cat;

namespace {

constexpr const char* kOriented = "image with an EXIF orientation";

image::PictureSize size_of(const fs::path& path, const AuditParts& parts) {
  const bool apply_exif = parts.files.apply_exif;
  if (!parts.decode_pictures) return image::picture_size(path, apply_exif);
  const image::Picture picture = image::read_picture(path, apply_exif);
  return {picture.height, picture.width};
}

std::optional<Fault> look_at_picture(const AuditParts& parts, const ImageRecord& record) {
  const fs::path path = parts.files.images / record.file_name;
  const std::string where = cat("image_id ", record.image_id);
  std::error_code unreadable;  // a file that cannot be looked at is found by reading it
  if (!fs::exists(path, unreadable) && !unreadable) {
    return Fault{"missing image", where, cat("no file ", path.string())};
  }
  try {
    const auto size = size_of(path, parts);
    const std::string note = orientation_note(path, parts.files.apply_exif);
    if (size != image::PictureSize{record.height, record.width}) {
      return Fault{
          "image of another size", where,
          cat(path.string(), " is ", size.width, " x ", size.height, ", the annotations say ",
              record.width, " x ", record.height, note.empty() ? "" : "; ", note)};
    }
    if (note.empty()) return std::nullopt;
    return Fault{kOriented, where, note};
  } catch (const core::Error& error) {
    return Fault{"unreadable image", where, error.what()};
  }
}

/// Polygons may end a pixel beyond the border: COCO's are rounded.
constexpr double kTolerance = 1;

std::optional<Fault> leaves_picture(const Annotation& annotation, const ImageRecord& record) {
  if (annotation.polygons.empty()) return std::nullopt;  // runs cannot leave their picture
  constexpr double kFar = std::numeric_limits<double>::infinity();
  std::array<double, 2> low = {kFar, kFar};
  std::array<double, 2> high = {-kFar, -kFar};
  for (const auto& polygon : annotation.polygons) {
    for (std::size_t i = 0; i < polygon.size(); ++i) {
      low[i % 2] = std::min(low[i % 2], polygon[i]);
      high[i % 2] = std::max(high[i % 2], polygon[i]);
    }
  }
  const auto width = static_cast<double>(record.width);
  const auto height = static_cast<double>(record.height);
  if (std::min(low[0], low[1]) >= -kTolerance && high[0] <= width + kTolerance &&
      high[1] <= height + kTolerance) {
    return std::nullopt;
  }
  return Fault{"mask outside of its image", cat("ann_id ", annotation.ann_id),
               cat("x from ", low[0], " to ", high[0], ", y from ", low[1], " to ", high[1],
                   " in image_id ", record.image_id, " of ", record.width, " x ", record.height)};
}

}  // namespace

void audit_pictures(const AuditParts& parts, Found& found) {
  const auto& images = parts.index.images();
  std::unordered_map<std::string, std::int64_t> first;
  for (const auto& record : images) {
    const auto [seen, added] = first.emplace(record.file_name, record.image_id);
    if (added) continue;
    found.faults.add({"one file for two images", cat("image_id ", record.image_id),
                      cat(record.file_name, " is image_id ", seen->second, " too")});
  }
  Faults seen;
  look_at_each(
      parts, "images", images.size(),
      [&](std::size_t i) { return look_at_picture(parts, images[i]); }, seen);
  for (const auto& fault : seen.all()) {
    (fault.kind == kOriented ? found.notes : found.faults).add(fault);
  }
}

void audit_masks(const AuditParts& parts, Found& found) {
  std::unordered_set<std::int64_t> referred;
  for (const auto& reference : parts.index.references()) {
    referred.insert(reference.ann_id);
    const Annotation& object = parts.index.annotation(reference.ann_id);
    if (reference.split == "train" || object.has_mask() || object.damage != nullptr) continue;
    found.faults.add({"object without a mask in an evaluation split",
                      cat("ref_id ", reference.ref_id),
                      cat("ann_id ", reference.ann_id, ", split ", reference.split)});
  }
  std::vector<const Annotation*> masked;
  for (const auto& annotation : parts.index.annotations()) {
    if (!annotation.has_mask()) continue;
    masked.push_back(&annotation);
    const auto outside = leaves_picture(annotation, parts.index.image(annotation.image_id));
    if (outside) found.faults.add(*outside);
  }
  Faults empty;
  look_at_each(
      parts, "masks", masked.size(),
      [&](std::size_t i) -> std::optional<Fault> {
        const Annotation& annotation = *masked[i];
        if (image::area(parts.index.mask(annotation)) > 0) return std::nullopt;
        const bool used = referred.contains(annotation.ann_id);
        return Fault{used ? "empty mask" : "empty mask that nothing refers to",
                     cat("ann_id ", annotation.ann_id),
                     cat("no pixel of image_id ", annotation.image_id, " is in the mask")};
      },
      empty);
  for (const auto& fault : empty.all()) {
    (fault.kind == "empty mask" ? found.faults : found.notes).add(fault);
  }
}

}  // namespace pcnet::data
