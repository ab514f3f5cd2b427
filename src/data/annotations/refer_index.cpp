#include "pcnet/data/annotations/refer_index.h"

#include <algorithm>
#include <set>

#include "pcnet/core/files.h"
#include "pcnet/core/format.h"

#include "refer_parts.h"

namespace pcnet::data {

using core::cat;
using core::Error;

void FaultSink::add(Fault fault) const {
  if (faults_ == nullptr) {
    throw Error(cat(file_, file_.empty() ? "" : ": ", fault.where, ": ", fault.what));
  }
  faults_->add(std::move(fault));
}

/// Checks entries against each other while it takes them in.
class ReferIndex::Builder {
 public:
  Builder(Faults* faults, BrokenOutline broken) : faults_(faults), broken_(broken) {}

  void add_images(std::vector<ImageRecord> images, const std::string& file) {
    index_.image_at_.reserve(images.size());
    keep_sound(
        images, "image_id", &ImageRecord::image_id, file,
        [&](const ImageRecord& image, std::size_t place) {
          constexpr std::int64_t kMostPixels = std::int64_t{1} << 28;  // what decoders take
          if (image.height < 1 || image.width < 1 || image.height > kMostPixels / image.width) {
            throw EntryFault("wrong size",
                             cat("its size is ", image.height, " x ", image.width,
                                 " (height x width), wanted sizes from 1, at most 2^28 "
                                 "pixels"));
          }
          require_new(index_.image_at_.emplace(image.image_id, place), "duplicate id");
        });
    index_.images_ = std::move(images);
    index_.annotations_of_.resize(index_.images_.size());
  }

  void add_categories(std::vector<Category> categories, const std::string& file) {
    IdMap ids;
    keep_sound(categories, "category_id", &Category::category_id, file,
               [&](const Category& category, std::size_t place) {
                 require_new(ids.emplace(category.category_id, place), "duplicate id");
               });
    index_.categories_ = std::move(categories);
  }

  void add_annotations(std::vector<Annotation> annotations, const std::string& file) {
    index_.annotation_at_.reserve(annotations.size());
    keep_sound(
        annotations, "ann_id", &Annotation::ann_id, file,
        [&](Annotation& annotation, std::size_t place) {
          const auto* picture = index_.image_at_.find(annotation.image_id);
          if (picture == nullptr) {
            throw EntryFault("unknown image",
                             cat("its image_id ", annotation.image_id, " is not among the images"));
          }
          try {
            check_mask(annotation, index_.images_[*picture]);
          } catch (const EntryFault& fault) {
            leave_out_outline(annotation, fault, cat("ann_id ", annotation.ann_id));
          }
          report_damage(annotation, file);
          require_new(index_.annotation_at_.emplace(annotation.ann_id, place), "duplicate id");
          index_.annotations_of_[*picture].push_back(annotation.ann_id);
        });
    index_.annotations_ = std::move(annotations);
  }

  void add_references(std::vector<Reference> references, const std::string& file) {
    IdMap ref_ids;
    IdMap sent_ids;
    keep_sound(references, "ref_id", &Reference::ref_id, file,
               [&](Reference& reference, std::size_t place) {
                 check_object(reference);
                 require_new(ref_ids.emplace(reference.ref_id, place), "duplicate ref_id");
                 drop_repeated(reference, sent_ids, file);
               });
    index_.references_ = std::move(references);
  }

  ReferIndex take() { return std::move(index_); }

 private:
  /// Takes out the entries in which `check(entry, its place among those kept)` finds a fault.
  template <class Entry, class Check>
  void keep_sound(std::vector<Entry>& entries, const char* kind, std::int64_t Entry::*id,
                  const std::string& file, Check check) const {
    std::size_t kept = 0;
    for (auto& entry : entries) {
      try {
        check(entry, kept);
      } catch (const EntryFault& fault) {
        FaultSink(faults_, file).add(fault, cat(kind, " ", entry.*id));
        continue;
      }
      if (&entries[kept] != &entry) entries[kept] = std::move(entry);
      ++kept;
    }
    entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(kept), entries.end());
  }

  void report_damage(const Annotation& annotation, const std::string& file) const {
    if (annotation.damage == nullptr) return;
    Fault fault = *annotation.damage;
    if (faults_ == nullptr && broken_ == BrokenOutline::kLeftOut) return;
    if (faults_ == nullptr) {
      fault.what += " (data.on_bad_annotation=skip goes on without the outlines of such objects)";
    }
    FaultSink(faults_, file).add(std::move(fault));
  }

  static void require_new(bool is_new, const char* fault) {
    if (!is_new) throw EntryFault("duplicate id", fault);
  }

  void check_object(const Reference& reference) const {
    if (index_.image_at_.find(reference.image_id) == nullptr) {
      throw EntryFault("unknown image",
                       cat("its image_id ", reference.image_id, " is not among the images"));
    }
    const auto* found = index_.annotation_at_.find(reference.ann_id);
    if (found == nullptr) {
      throw EntryFault("unknown object",
                       cat("its ann_id ", reference.ann_id, " is not among the annotations"));
    }
    const std::int64_t image_id = index_.annotations_[*found].image_id;
    if (image_id != reference.image_id) {
      throw EntryFault("wrong image", cat("it and its object are of different images: image_id ",
                                          reference.image_id, ", and ", image_id, " of ann_id ",
                                          reference.ann_id));
    }
  }

  /// A sentence whose id was there before is a fault of its own: the others of its object stay.
  void drop_repeated(Reference& reference, IdMap& sent_ids, const std::string& file) const {
    std::erase_if(reference.sentences, [&](const Sentence& sentence) {
      if (sent_ids.emplace(sentence.sent_id, 0)) return false;
      FaultSink(faults_, file)
          .add({"duplicate id", cat("ref_id ", reference.ref_id),
                cat("duplicate sent_id ", sentence.sent_id)});
      return true;
    });
  }

  Faults* faults_;
  BrokenOutline broken_;
  ReferIndex index_;
};

ReferIndex ReferIndex::load(const DatasetFiles& files, Faults* faults, BrokenOutline broken) {
  ReferParts parts;
  if (files.is_custom()) {
    read_custom(core::read_file(files.annotations), files, parts, faults);
    return from_parts(std::move(parts.images), std::move(parts.annotations),
                      std::move(parts.references), faults, {}, broken);
  }
  // The pickle's document is the larger one in memory: gone before the objects come.
  read_references(core::read_file(files.annotations), files.annotations.string(), parts, faults);
  read_instances(core::read_file(files.instances), files.instances.string(), parts, faults);
  Builder builder(faults, broken);
  builder.add_images(std::move(parts.images), files.instances.string());
  builder.add_categories(std::move(parts.categories), files.instances.string());
  builder.add_annotations(std::move(parts.annotations), files.instances.string());
  builder.add_references(std::move(parts.references), files.annotations.string());
  return builder.take();
}

ReferIndex ReferIndex::from_parts(std::vector<ImageRecord> images,
                                  std::vector<Annotation> annotations,
                                  std::vector<Reference> references, Faults* faults,
                                  std::vector<Category> categories, BrokenOutline broken) {
  Builder builder(faults, broken);
  builder.add_images(std::move(images), {});
  builder.add_categories(std::move(categories), {});
  builder.add_annotations(std::move(annotations), {});
  builder.add_references(std::move(references), {});
  return builder.take();
}

const ImageRecord& ReferIndex::image(std::int64_t image_id) const {
  const auto* found = image_at_.find(image_id);
  if (found == nullptr) throw Error(cat("no image_id ", image_id, " in the annotations"));
  return images_[*found];
}

const Annotation& ReferIndex::annotation(std::int64_t ann_id) const {
  const auto* found = annotation_at_.find(ann_id);
  if (found == nullptr) throw Error(cat("no ann_id ", ann_id, " in the annotations"));
  return annotations_[*found];
}

const std::vector<std::int64_t>& ReferIndex::annotations_of(std::int64_t image_id) const {
  static const std::vector<std::int64_t> none;
  const auto* found = image_at_.find(image_id);
  return found == nullptr ? none : annotations_of_[*found];
}

namespace {

void require_split_name(const std::string& name) {
  if (name != "train" && name != "val" && name != "test" && name != "testA" && name != "testB" &&
      name != "testC") {
    throw core::UsageError(
        cat("no split \"", name, "\": wanted train, val, test, testA, testB or testC"));
  }
}

bool split_matches(const std::string& name, const std::string& reference_split) {
  if (name == "train" || name == "val") return reference_split == name;
  if (reference_split.find("test") == std::string::npos) return false;
  if (name == "test") return true;
  return reference_split.find(name.back(), 4) != std::string::npos;
}

}  // namespace

bool ReferIndex::has_split(const std::string& name) const {
  require_split_name(name);
  return std::any_of(references_.begin(), references_.end(), [&](const Reference& reference) {
    return split_matches(name, reference.split) && !reference.sentences.empty();
  });
}

std::vector<std::size_t> ReferIndex::split(const std::string& name) const {
  require_split_name(name);
  std::vector<std::size_t> chosen;
  std::size_t sentences = 0;
  for (std::size_t i = 0; i < references_.size(); ++i) {
    if (!split_matches(name, references_[i].split)) continue;
    chosen.push_back(i);
    sentences += references_[i].sentences.size();
  }
  if (sentences == 0) {
    std::set<std::string> present;
    for (const auto& reference : references_) present.insert(reference.split);
    throw Error(cat("the split \"", name, "\" holds no sentence: the dataset has ",
                    core::join(std::vector<std::string>(present.begin(), present.end()), ", ")));
  }
  return chosen;
}

bool ReferIndex::has_cues() const {
  const auto has = [](const Sentence& sentence) { return !sentence.cues.empty(); };
  return std::any_of(references_.begin(), references_.end(), [&](const Reference& reference) {
    return std::any_of(reference.sentences.begin(), reference.sentences.end(), has);
  });
}

std::vector<const Annotation*> ReferIndex::damaged() const {
  std::vector<const Annotation*> damaged;
  for (const auto& annotation : annotations_) {
    if (annotation.damage != nullptr) damaged.push_back(&annotation);
  }
  return damaged;
}

std::vector<std::int64_t> ReferIndex::without_mask(const std::string& name) const {
  std::vector<std::int64_t> sent_ids;
  for (const auto position : split(name)) {
    const Reference& reference = references_[position];
    const Annotation& object = annotation(reference.ann_id);
    if (object.has_mask() || object.damage != nullptr) continue;
    for (const auto& sentence : reference.sentences) sent_ids.push_back(sentence.sent_id);
  }
  return sent_ids;
}

image::Rle ReferIndex::mask(const Annotation& annotation, GroundTruth rule) const {
  if (!annotation.has_mask()) {
    throw Error(cat("the object with ann_id ", annotation.ann_id, " of image_id ",
                    annotation.image_id, " has no mask"));
  }
  const ImageRecord& record = image(annotation.image_id);
  if (!annotation.coded.empty()) {
    const bool exclusive = rule == GroundTruth::kExclusive && !annotation.coded_exclusive.empty();
    return image::from_coco_string(exclusive ? annotation.coded_exclusive : annotation.coded,
                                   record.height, record.width);
  }
  std::vector<image::Rle> parts = annotation.rles;
  for (const auto& polygon : annotation.polygons) {
    parts.push_back(image::from_polygon(polygon, record.height, record.width));
  }
  return rule == GroundTruth::kUnion ? image::merge(parts) : image::exactly_one(parts);
}

}  // namespace pcnet::data
