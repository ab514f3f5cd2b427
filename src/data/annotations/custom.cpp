#include <algorithm>
#include <map>
#include <mutex>
#include <optional>

#include "pcnet/core/format.h"
#include "pcnet/core/parallel.h"

#include "custom_lines.h"
#include "json_lines.h"
#include "orientation_note.h"
#include "refer_parts.h"

namespace pcnet::data {

using core::cat;

namespace {

/// The lines of one file as parts with ids in the order of first appearance, from 1.
class CustomReader {
 public:
  CustomReader(const DatasetFiles& files, ReferParts& parts, Faults* faults)
      : files_(files), parts_(parts), sink_(faults) {}

  void read(std::string_view bytes) {
    try {
      bytes = core::utf8_text(bytes);
    } catch (const core::Error& error) {
      throw core::Error(cat(files_.annotations.string(), ": ", error.what()));
    }
    parse(bytes);
    open_pictures();
    for (auto& line : lines_) {
      guarded(line.number, [&] { add(line); });
    }
    for (auto& annotation : parts_.annotations) set_box(annotation);
  }

 private:
  struct Object {
    std::size_t annotation = 0;
    bool boxed = false;                             ///< its box was written down
    std::map<std::string, std::size_t> references;  ///< by split
  };

  template <class Work>
  void guarded(std::size_t number, Work work) {
    try {
      work();
    } catch (const EntryFault& fault) {
      const std::lock_guard lock(mutex_);
      sink_.add(fault, cat(files_.annotations.string(), ":", number));
    }
  }

  void parse(std::string_view bytes) {
    for (std::size_t number = 1; !bytes.empty(); ++number) {
      const std::size_t end = std::min(bytes.find('\n'), bytes.size());
      const std::string_view line = bytes.substr(0, end);
      bytes.remove_prefix(std::min(end + 1, bytes.size()));
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      guarded(number, [&] { lines_.push_back(parse_custom_line(line, number)); });
    }
  }

  /// Sizes of pictures that no line gives, and masks drawn as pictures; on all threads. What
  /// cannot be read is noted for the lines that need it.
  void open_pictures() {
    for (const auto& line : lines_) {
      if (line.size) sizes_.emplace(line.image, line.size);
    }
    std::vector<std::pair<const std::string, std::optional<image::PictureSize>>*> unknown;
    for (const auto& line : lines_) {
      const auto [place, added] = sizes_.emplace(line.image, std::nullopt);
      if (added) unknown.push_back(&*place);
    }
    const int threads = core::usable_threads(0);
    core::parallel_for(static_cast<std::int64_t>(unknown.size()), threads, [&](std::int64_t i) {
      auto& [name, size] = *unknown[static_cast<std::size_t>(i)];
      try {
        size = image::picture_size(files_.images / name, files_.apply_exif);
      } catch (const core::Error& error) {
        const std::lock_guard lock(mutex_);
        unreadable_.emplace(name, error.what());
      }
    });
    std::vector<CustomLine*> drawn;
    for (auto& line : lines_) {
      if (!line.mask_png.empty()) drawn.push_back(&line);
    }
    core::parallel_for(static_cast<std::int64_t>(drawn.size()), threads, [&](std::int64_t i) {
      read_mask_picture(*drawn[static_cast<std::size_t>(i)]);
    });
  }

  void read_mask_picture(CustomLine& line) {
    try {
      line.mask.rles = {
          image::encode(image::read_mask(files_.annotations.parent_path() / line.mask_png))};
    } catch (const core::Error& error) {
      const std::lock_guard lock(mutex_);
      unreadable_.emplace(line.mask_png, error.what());
    }
  }

  const ImageRecord& image_of(const CustomLine& line) {
    const auto found = image_at_.find(line.image);
    if (found != image_at_.end()) {
      const ImageRecord& record = parts_.images[found->second];
      if (line.size && *line.size != image::PictureSize{record.height, record.width}) {
        throw EntryFault("wrong size",
                         cat("its image is ", line.size->width, " x ", line.size->height,
                             " here, and ", record.width, " x ", record.height, " before"));
      }
      return record;
    }
    const auto unreadable = unreadable_.find(line.image);
    if (unreadable != unreadable_.end()) throw EntryFault("missing image", unreadable->second);
    const image::PictureSize size = *sizes_.at(line.image);
    constexpr std::int64_t kMostPixels = std::int64_t{1} << 28;
    if (size.height < 1 || size.width < 1 || size.height > kMostPixels / size.width) {
      throw EntryFault("wrong size", cat("its image's size is ", size.width, " x ", size.height,
                                         ", wanted sizes from 1, at most 2^28 pixels"));
    }
    const std::size_t at = parts_.images.size();
    image_at_.emplace(line.image, at);
    parts_.images.push_back(
        {static_cast<std::int64_t>(at) + 1, line.image, size.height, size.width});
    return parts_.images.back();
  }

  /// The line's object, made when it is the first to speak of it.
  Object& object_of(const CustomLine& line, std::int64_t image_id) {
    const std::string key = line.object.empty() ? cat("line ", line.number) : line.object;
    const auto [place, added] = objects_.try_emplace({image_id, key});
    if (added) {
      place->second.annotation = parts_.annotations.size();
      Annotation& annotation = parts_.annotations.emplace_back();
      annotation.ann_id = static_cast<std::int64_t>(parts_.annotations.size());
      annotation.image_id = image_id;
    }
    return place->second;
  }

  void add(CustomLine& line) {
    const ImageRecord& record = image_of(line);
    check_outline(line, record);
    Object& object = object_of(line, record.image_id);
    Annotation& annotation = parts_.annotations[object.annotation];
    if (line.outline_fault) {
      leave_out_outline(annotation, *line.outline_fault,
                        cat(files_.annotations.string(), ":", line.number));
    } else if (annotation.damage == nullptr) {
      take_mask(line, annotation);
      take_box(line, object, annotation);
    }
    if (line.sentences.empty()) return;  // an object that nothing refers to
    const auto [place, added] = object.references.emplace(line.split, parts_.references.size());
    if (added) {
      parts_.references.push_back({static_cast<std::int64_t>(parts_.references.size()) + 1,
                                   annotation.ann_id,
                                   annotation.image_id,
                                   line.split,
                                   {}});
    }
    auto& sentences = parts_.references[place->second].sentences;
    for (auto& sentence : line.sentences) {
      sentence.sent_id = ++sentence_id_;
      sentences.push_back(std::move(sentence));
    }
  }

  void check_outline(CustomLine& line, const ImageRecord& record) const {
    if (line.outline_fault) return;
    try {
      const auto unreadable = unreadable_.find(line.mask_png);
      if (!line.mask_png.empty() && unreadable != unreadable_.end()) {
        throw EntryFault("broken mask", unreadable->second);
      }
      check_mask(line.mask, record);
    } catch (const EntryFault& fault) {
      line.outline_fault = fault;
      if (fault.kind() != "wrong size") return;
      const auto note = orientation_note(files_.images / line.image, files_.apply_exif);
      if (!note.empty()) {
        line.outline_fault = EntryFault(fault.kind(), cat(fault.what(), "; ", note));
      }
    }
  }

  static void take_mask(CustomLine& line, Annotation& annotation) {
    if (!line.mask.has_mask()) return;
    if (!annotation.has_mask()) {
      annotation.polygons = std::move(line.mask.polygons);
      annotation.rles = std::move(line.mask.rles);
    } else if (annotation.polygons != line.mask.polygons || annotation.rles != line.mask.rles) {
      throw EntryFault("broken mask",
                       cat("another mask for object ", line.object, " than on an earlier line"));
    }
  }

  static void take_box(const CustomLine& line, Object& object, Annotation& annotation) {
    if (!line.box) return;
    if (object.boxed && annotation.box != *line.box) {
      throw EntryFault("wrong size",
                       cat("another box for object ", line.object, " than on an earlier line"));
    }
    annotation.box = *line.box;
    object.boxed = true;
  }

  /// The box round the mask where none was written.
  void set_box(Annotation& annotation) {
    if (annotation.box != std::array<double, 4>{} || !annotation.has_mask()) return;
    if (annotation.polygons.empty()) {
      const auto box = image::bounding_box(image::merge(annotation.rles));
      std::transform(box.begin(), box.end(), annotation.box.begin(),
                     [](std::int64_t value) { return static_cast<double>(value); });
      return;
    }
    double left = annotation.polygons.front()[0];
    double top = annotation.polygons.front()[1];
    double right = left;
    double bottom = top;
    for (const auto& polygon : annotation.polygons) {
      for (std::size_t i = 0; i + 1 < polygon.size(); i += 2) {
        left = std::min(left, polygon[i]);
        right = std::max(right, polygon[i]);
        top = std::min(top, polygon[i + 1]);
        bottom = std::max(bottom, polygon[i + 1]);
      }
    }
    annotation.box = {left, top, right - left, bottom - top};
  }

  const DatasetFiles& files_;
  ReferParts& parts_;
  FaultSink sink_;
  std::mutex mutex_;
  std::vector<CustomLine> lines_;
  std::map<std::string, std::optional<image::PictureSize>> sizes_;
  std::map<std::string, std::string> unreadable_;
  std::map<std::string, std::size_t> image_at_;
  std::map<std::pair<std::int64_t, std::string>, Object> objects_;
  std::int64_t sentence_id_ = 0;
};

}  // namespace

void read_custom(std::string_view bytes, const DatasetFiles& files, ReferParts& parts,
                 Faults* faults) {
  CustomReader(files, parts, faults).read(bytes);
}

}  // namespace pcnet::data
