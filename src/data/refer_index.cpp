#include "pcnet/data/refer_index.h"

#include <set>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::data {

using core::cat;
using core::Error;

ReferIndex ReferIndex::load(const DatasetFiles& files) {
  ReferIndex index;
  index.read_instances(files.instances);
  index.read_references(files.refs);
  return index;
}

const ImageRecord& ReferIndex::image(std::int64_t image_id) const {
  const auto found = image_at_.find(image_id);
  if (found == image_at_.end()) throw Error(cat("no image_id ", image_id, " in instances.json"));
  return images_[found->second];
}

const Annotation& ReferIndex::annotation(std::int64_t ann_id) const {
  const auto found = annotation_at_.find(ann_id);
  if (found == annotation_at_.end()) {
    throw Error(cat("no annotation with id ", ann_id, " in instances.json"));
  }
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

image::Rle ReferIndex::mask(const Annotation& annotation) const {
  if (annotation.polygons.empty()) return annotation.rle;
  const ImageRecord& record = image(annotation.image_id);
  std::vector<image::Rle> parts;
  for (const auto& polygon : annotation.polygons) {
    parts.push_back(image::from_polygon(polygon, record.height, record.width));
  }
  return image::merge(parts);
}

}  // namespace pcnet::data
