#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>

#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/json_scan.h"
#include "pcnet/core/parallel.h"

#include "json_fields.h"
#include "refer_parts.h"

namespace pcnet::data {

using core::cat;
using core::Error;
using nlohmann::json;

namespace {

constexpr std::size_t kAtOnce = 512;  // entries a thread takes at a time

bool crowd_flag(const json& entry) {
  const auto found = entry.find("iscrowd");
  if (found == entry.end()) return false;
  if (found->is_boolean()) return found->get<bool>();
  const std::int64_t flag = whole_field(entry, "iscrowd");
  if (flag != 0 && flag != 1) {
    throw EntryFault("wrong type", cat("\"iscrowd\" is ", flag, ", wanted 0 or 1"));
  }
  return flag == 1;
}

Annotation read_annotation(const json& entry) {
  Annotation annotation;
  annotation.ann_id = whole_field(entry, "id");
  annotation.image_id = whole_field(entry, "image_id");
  if (entry.contains("category_id")) annotation.category_id = whole_field(entry, "category_id");
  annotation.crowd = crowd_flag(entry);
  try {
    annotation.box = box_field(entry, "bbox");
    read_segmentation(field(entry, "segmentation"), annotation);
  } catch (const EntryFault& fault) {
    leave_out_outline(annotation, fault, cat("ann_id ", annotation.ann_id));
  }
  return annotation;
}

ImageRecord read_image(const json& entry) {
  return {whole_field(entry, "id"), path_field(entry, "file_name"), whole_field(entry, "height"),
          whole_field(entry, "width")};
}

Category read_category(const json& entry) {
  return {whole_field(entry, "id"), text_field(entry, "name")};
}

/// "annotations[3] (id 5)": what finds an entry whose id may be what is wrong.
std::string entry_name(const std::string& list, std::size_t position, std::string_view text) {
  const json entry = core::try_parse_json<json>(text);
  const bool has_id = entry.is_object() && entry.contains("id");
  const auto id = [&] { return core::json_text(entry["id"]); };
  return cat(list, "[", position, "]", has_id ? cat(" (id ", id(), ")") : "");
}

/// Reads the entries of a list on all threads, in their order; faulty ones are left out.
template <class T>
void read_entries(const std::string& list, const std::vector<std::string_view>& entries,
                  T (*read)(const json&), const FaultSink& sink, std::vector<T>& into) {
  struct Bad {
    std::size_t position;
    EntryFault fault;
  };
  std::vector<T> values(entries.size());
  std::vector<Bad> bad;
  std::mutex mutex;
  const auto read_one = [&](std::size_t i) {
    try {
      values[i] = read(parse_entry(entries[i]));
    } catch (const EntryFault& fault) {
      const std::lock_guard lock(mutex);
      bad.push_back({i, fault});
    }
  };
  const std::size_t blocks = (entries.size() + kAtOnce - 1) / kAtOnce;
  core::parallel_for(static_cast<std::int64_t>(blocks), core::usable_threads(0),
                     [&](std::int64_t block) {
                       const std::size_t first = static_cast<std::size_t>(block) * kAtOnce;
                       const std::size_t last = std::min(entries.size(), first + kAtOnce);
                       for (std::size_t i = first; i < last; ++i) read_one(i);
                     });
  std::sort(bad.begin(), bad.end(),
            [](const Bad& a, const Bad& b) { return a.position < b.position; });
  for (const auto& item : bad) {
    sink.add(item.fault, entry_name(list, item.position, entries[item.position]));
  }
  for (std::size_t at = bad.size(); at-- > 0;) {
    values.erase(values.begin() + static_cast<std::ptrdiff_t>(bad[at].position));
  }
  into = std::move(values);
}

}  // namespace

void leave_out_outline(Annotation& annotation, const EntryFault& fault, std::string where) {
  annotation.damage =
      std::make_shared<const Fault>(Fault{fault.kind(), std::move(where), fault.what()});
  annotation.polygons.clear();
  annotation.rles.clear();
  annotation.box = {};
}

void check_mask(const Annotation& annotation, const ImageRecord& picture) {
  for (const auto& polygon : annotation.polygons) {
    if (polygon.size() < 6 || polygon.size() % 2 != 0) {
      throw EntryFault("broken mask", cat("a polygon has ", polygon.size(),
                                          " numbers, wanted an even count of at least 6"));
    }
    for (const double number : polygon) {
      constexpr double kFar = 1e6;  // the limit of image::from_polygon
      if (!(std::abs(number) <= kFar)) {
        throw EntryFault("broken mask",
                         cat("a polygon's coordinate is ", number, ", wanted pixels of its image"));
      }
    }
  }
  for (const image::Rle& rle : annotation.rles) {
    if (rle.height != picture.height || rle.width != picture.width) {
      throw EntryFault("wrong size",
                       cat("its mask is ", rle.height, " x ", rle.width,
                           " (height x width), its image ", picture.height, " x ", picture.width));
    }
    std::int64_t pixels = 0;
    for (const auto run : rle.counts) pixels += run;
    if (pixels != rle.height * rle.width) {
      throw EntryFault("broken mask", cat("its runs cover ", pixels, " pixels, its size ",
                                          rle.height * rle.width));
    }
  }
}

namespace {

/// The entries of the three lists; whatever else the document has is only checked.
std::map<std::string, std::vector<std::string_view>> entries_of(std::string_view document) {
  std::map<std::string, std::vector<std::string_view>> lists;
  core::JsonScanner scanner(document);
  scanner.members([&](const std::string& key) {
    if (key != "images" && key != "annotations" && key != "categories") {
      if (!core::is_json(scanner.value())) scanner.broken("the value before it is no JSON");
    } else if (!lists.emplace(key, scanner.elements(cat("\"", key, "\""))).second) {
      scanner.broken(cat("a second list \"", key, "\""));
    }
    return true;
  });
  scanner.require_end();
  return lists;
}

}  // namespace

void read_instances(std::string_view bytes, const std::string& file, ReferParts& parts,
                    Faults* faults) {
  std::map<std::string, std::vector<std::string_view>> lists;
  try {
    lists = entries_of(bytes);
  } catch (const Error& error) {
    throw Error(cat(file, ": ", error.what(), ": not COCO's instances format"));
  }
  for (const char* list : {"images", "annotations"}) {
    if (lists.contains(list)) continue;
    throw Error(cat(file, ": no list \"", list, "\": not COCO's instances format"));
  }
  const FaultSink sink(faults, file);
  read_entries("images", lists["images"], read_image, sink, parts.images);
  read_entries("categories", lists["categories"], read_category, sink, parts.categories);
  read_entries("annotations", lists["annotations"], read_annotation, sink, parts.annotations);
}

}  // namespace pcnet::data
