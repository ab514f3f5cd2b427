#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "pcnet/data/dataset_tree.h"
#include "pcnet/image/rle.h"

namespace pcnet::data {

/// One referring expression.
struct Sentence {
  std::int64_t sent_id = 0;
  std::string text;
  std::string kind;  ///< refsynth's attribute, position or relation; empty elsewhere
};

/// One referred object with its expressions (an entry of `refs(<splitBy>).p`).
struct Reference {
  std::int64_t ref_id = 0;
  std::int64_t ann_id = 0;
  std::int64_t image_id = 0;
  std::string split;
  std::vector<Sentence> sentences;
};

/// One picture (an entry of `images` in instances.json).
struct ImageRecord {
  std::int64_t image_id = 0;
  std::string file_name;
  std::int64_t height = 0;
  std::int64_t width = 0;
};

/// One object's ground truth (an entry of `annotations`).
struct Annotation {
  std::int64_t ann_id = 0;
  std::int64_t image_id = 0;
  std::vector<std::vector<double>> polygons;  ///< empty when the mask is an RLE
  image::Rle rle;
  std::array<double, 4> box{};  ///< x, y, width, height
};

/// The annotations of one dataset, read whole and cross-checked.
class ReferIndex {
 public:
  /// Error, with file and id, for a broken file, a reference to an unknown picture or object, or a
  /// duplicate id.
  static ReferIndex load(const DatasetFiles& files);

  const std::vector<Reference>& references() const { return references_; }
  const std::vector<ImageRecord>& images() const { return images_; }
  const ImageRecord& image(std::int64_t image_id) const;
  const Annotation& annotation(std::int64_t ann_id) const;
  /// All annotated objects of a picture, referred to or not.
  const std::vector<std::int64_t>& annotations_of(std::int64_t image_id) const;

  /// Indices into references() of a split, by REFER's rule: `train` and `val` by equality, `test`
  /// when the name contains it, `testA` when the last letter is among those of the reference's
  /// split. Error when the split holds no sentence.
  std::vector<std::size_t> split(const std::string& name) const;

  /// The object's mask at image size: the union of its polygons, or its RLE.
  image::Rle mask(const Annotation& annotation) const;

 private:
  void read_instances(const std::filesystem::path& path);
  void read_references(const std::filesystem::path& path);

  std::vector<Reference> references_;
  std::vector<ImageRecord> images_;
  std::vector<Annotation> annotations_;
  std::unordered_map<std::int64_t, std::size_t> image_at_;
  std::unordered_map<std::int64_t, std::size_t> annotation_at_;
  std::unordered_map<std::int64_t, std::vector<std::int64_t>> annotations_of_;
};

}  // namespace pcnet::data
