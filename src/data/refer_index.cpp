#include "pcnet/data/refer_index.h"

#include <set>
#include <unordered_set>

#include "pcnet/core/files.h"
#include "pcnet/core/format.h"

#include "refer_parts.h"

namespace pcnet::data {

using core::cat;
using core::Error;

GroundTruth ground_truth_rule(const std::string& name) {
  if (name == "union") return GroundTruth::kUnion;
  if (name == "exclusive") return GroundTruth::kExclusive;
  throw core::UsageError(cat("no ground truth rule \"", name, "\": wanted union or exclusive"));
}

void FaultSink::add(Fault fault) const {
  if (faults_ == nullptr) {
    throw Error(cat(file_, file_.empty() ? "" : ": ", fault.where, ": ", fault.what));
  }
  faults_->add(std::move(fault));
}

/// Checks entries against each other while it takes them in.
class ReferIndex::Builder {
 public:
  explicit Builder(Faults* faults) : faults_(faults) {}

  void add_images(std::vector<ImageRecord> images, const std::string& file) {
    index_.images_.reserve(images.size());
    index_.image_at_.reserve(images.size());
    for (auto& image : images) {
      guarded(file, cat("image_id ", image.image_id), [&] {
        constexpr std::int64_t kMostPixels = std::int64_t{1} << 28;  // what the decoders take
        if (image.height < 1 || image.width < 1 || image.height > kMostPixels / image.width) {
          throw EntryFault("wrong size",
                           cat("its size is ", image.height, " x ", image.width,
                               " (height x width), wanted sizes from 1, at most 2^28 pixels"));
        }
        if (!index_.image_at_.emplace(image.image_id, index_.images_.size()).second) {
          throw EntryFault("duplicate id", "duplicate id");
        }
        index_.images_.push_back(std::move(image));
      });
    }
  }

  void add_categories(std::vector<Category> categories, const std::string& file) {
    std::unordered_set<std::int64_t> ids;
    for (auto& category : categories) {
      guarded(file, cat("category_id ", category.category_id), [&] {
        if (!ids.insert(category.category_id).second) {
          throw EntryFault("duplicate id", "duplicate id");
        }
        index_.categories_.push_back(std::move(category));
      });
    }
  }

  void add_annotations(std::vector<Annotation> annotations, const std::string& file) {
    index_.annotations_.reserve(annotations.size());
    index_.annotation_at_.reserve(annotations.size());
    for (auto& annotation : annotations) {
      guarded(file, cat("ann_id ", annotation.ann_id), [&] {
        const auto picture = index_.image_at_.find(annotation.image_id);
        if (picture == index_.image_at_.end()) {
          throw EntryFault("unknown image",
                           cat("its image_id ", annotation.image_id, " is not among the images"));
        }
        check_mask(annotation, index_.images_[picture->second]);
        if (!index_.annotation_at_.emplace(annotation.ann_id, index_.annotations_.size()).second) {
          throw EntryFault("duplicate id", "duplicate id");
        }
        index_.annotations_of_[annotation.image_id].push_back(annotation.ann_id);
        index_.annotations_.push_back(std::move(annotation));
      });
    }
  }

  void add_references(std::vector<Reference> references, const std::string& file) {
    index_.references_.reserve(references.size());
    std::unordered_set<std::int64_t> ref_ids;
    std::unordered_set<std::int64_t> sent_ids;
    for (auto& reference : references) {
      guarded(file, cat("ref_id ", reference.ref_id), [&] {
        check_object(reference);
        if (!ref_ids.insert(reference.ref_id).second) {
          throw EntryFault("duplicate id", "duplicate ref_id");
        }
        drop_repeated(reference, sent_ids, file);
        index_.references_.push_back(std::move(reference));
      });
    }
  }

  ReferIndex take() { return std::move(index_); }

 private:
  template <class Check>
  void guarded(const std::string& file, const std::string& where, Check check) const {
    try {
      check();
    } catch (const EntryFault& fault) {
      FaultSink(faults_, file).add(fault, where);
    }
  }

  void check_object(const Reference& reference) const {
    if (!index_.image_at_.contains(reference.image_id)) {
      throw EntryFault("unknown image",
                       cat("its image_id ", reference.image_id, " is not among the images"));
    }
    const auto found = index_.annotation_at_.find(reference.ann_id);
    if (found == index_.annotation_at_.end()) {
      throw EntryFault("unknown object",
                       cat("its ann_id ", reference.ann_id, " is not among the annotations"));
    }
    const std::int64_t image_id = index_.annotations_[found->second].image_id;
    if (image_id != reference.image_id) {
      throw EntryFault(
          "wrong picture",
          cat("it and its object are of different pictures: image_id ", reference.image_id,
              ", and ", image_id, " of ann_id ", reference.ann_id));
    }
  }

  /// A sentence whose id was there before is a fault of its own: the others of its object stay.
  void drop_repeated(Reference& reference, std::unordered_set<std::int64_t>& sent_ids,
                     const std::string& file) const {
    std::erase_if(reference.sentences, [&](const Sentence& sentence) {
      if (sent_ids.insert(sentence.sent_id).second) return false;
      FaultSink(faults_, file)
          .add({"duplicate id", cat("ref_id ", reference.ref_id),
                cat("duplicate sent_id ", sentence.sent_id)});
      return true;
    });
  }

  Faults* faults_;
  ReferIndex index_;
};

ReferIndex ReferIndex::load(const DatasetFiles& files, Faults* faults) {
  ReferParts parts;
  if (!files.custom.empty()) {
    read_custom(core::read_file(files.custom), files.custom.string(), files.custom.parent_path(),
                parts, faults);
    return from_parts(std::move(parts.images), std::move(parts.annotations),
                      std::move(parts.references), faults);
  }
  // The pickle's document is the larger one in memory: gone before the objects come.
  read_references(core::read_file(files.refs), files.refs.string(), parts, faults);
  read_instances(core::read_file(files.instances), files.instances.string(), parts, faults);
  Builder builder(faults);
  builder.add_images(std::move(parts.images), files.instances.string());
  builder.add_categories(std::move(parts.categories), files.instances.string());
  builder.add_annotations(std::move(parts.annotations), files.instances.string());
  builder.add_references(std::move(parts.references), files.refs.string());
  return builder.take();
}

ReferIndex ReferIndex::from_parts(std::vector<ImageRecord> images,
                                  std::vector<Annotation> annotations,
                                  std::vector<Reference> references, Faults* faults,
                                  std::vector<Category> categories) {
  Builder builder(faults);
  builder.add_images(std::move(images), {});
  builder.add_categories(std::move(categories), {});
  builder.add_annotations(std::move(annotations), {});
  builder.add_references(std::move(references), {});
  return builder.take();
}

const ImageRecord& ReferIndex::image(std::int64_t image_id) const {
  const auto found = image_at_.find(image_id);
  if (found == image_at_.end()) throw Error(cat("no image_id ", image_id, " in the annotations"));
  return images_[found->second];
}

const Annotation& ReferIndex::annotation(std::int64_t ann_id) const {
  const auto found = annotation_at_.find(ann_id);
  if (found == annotation_at_.end()) throw Error(cat("no ann_id ", ann_id, " in the annotations"));
  return annotations_[found->second];
}

const std::vector<std::int64_t>& ReferIndex::annotations_of(std::int64_t image_id) const {
  static const std::vector<std::int64_t> none;
  const auto found = annotations_of_.find(image_id);
  return found == annotations_of_.end() ? none : found->second;
}

namespace {

bool split_matches(const std::string& name, const std::string& reference_split) {
  if (name == "train" || name == "val") return reference_split == name;
  if (reference_split.find("test") == std::string::npos) return false;
  if (name == "test") return true;
  return reference_split.find(name.back(), 4) != std::string::npos;
}

}  // namespace

std::vector<std::size_t> ReferIndex::split(const std::string& name) const {
  if (name != "train" && name != "val" && name != "test" && name != "testA" && name != "testB" &&
      name != "testC") {
    throw core::UsageError(
        cat("no split \"", name, "\": wanted train, val, test, testA, testB or testC"));
  }
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

std::vector<std::int64_t> ReferIndex::without_mask(const std::string& name) const {
  std::vector<std::int64_t> sent_ids;
  for (const auto position : split(name)) {
    const Reference& reference = references_[position];
    if (annotation(reference.ann_id).has_mask()) continue;
    for (const auto& sentence : reference.sentences) sent_ids.push_back(sentence.sent_id);
  }
  return sent_ids;
}

image::Rle ReferIndex::mask(const Annotation& annotation, GroundTruth rule) const {
  if (!annotation.has_mask()) {
    throw Error(cat("the object with ann_id ", annotation.ann_id, " of image_id ",
                    annotation.image_id, " has no mask"));
  }
  if (annotation.polygons.empty()) return annotation.rle;
  const ImageRecord& record = image(annotation.image_id);
  std::vector<image::Rle> parts;
  parts.reserve(annotation.polygons.size());
  for (const auto& polygon : annotation.polygons) {
    parts.push_back(image::from_polygon(polygon, record.height, record.width));
  }
  return rule == GroundTruth::kUnion ? image::merge(parts) : image::exactly_one(parts);
}

}  // namespace pcnet::data
