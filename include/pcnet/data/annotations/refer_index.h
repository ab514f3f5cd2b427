#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pcnet/config/eval_choices.h"
#include "pcnet/data/annotations/dataset_tree.h"
#include "pcnet/data/annotations/faults.h"
#include "pcnet/data/annotations/id_map.h"
#include "pcnet/image/rle.h"

namespace pcnet::data {

using config::GroundTruth;

/// One referring expression.
struct Sentence {
  std::int64_t sent_id = 0;
  std::string text;
  std::string kind;               ///< refsynth's attribute, position or relation; empty elsewhere
  std::vector<std::string> cues;  ///< those written beside the sentence (custom data)
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

/// A kind of object (an entry of `categories`).
struct Category {
  std::int64_t category_id = 0;
  std::string name;
};

/// One object's ground truth (an entry of `annotations`).
struct Annotation {
  std::int64_t ann_id = 0;
  std::int64_t image_id = 0;
  std::int64_t category_id = 0;               ///< 0: the file names none
  bool crowd = false;                         ///< `iscrowd`: a group drawn as one
  std::vector<std::vector<double>> polygons;  ///< empty when the mask is drawn as runs
  std::vector<image::Rle> rles;               ///< one, or the parts of REFER's list of RLEs
  std::string_view coded;               ///< COCO's string in a mapped pack, by GroundTruth::kUnion
  std::string_view coded_exclusive;     ///< by GroundTruth::kExclusive; empty: the same
  std::array<double, 4> box{};          ///< x, y, width, height
  std::shared_ptr<const Fault> damage;  ///< why its mask and box were left out; null: they were not

  /// False for an object whose mask nobody drew: custom data may have such, for training.
  bool has_mask() const { return !polygons.empty() || !rles.empty() || !coded.empty(); }
};

/// What is done with an object whose mask or box is broken (data.on_bad_annotation).
enum class BrokenOutline {
  kError,    ///< the first is an Error
  kLeftOut,  ///< the object stays, without them
};

/// The annotations of one dataset, read whole and cross-checked.
class ReferIndex {
 public:
  /// Reads the REFER or custom annotations. Faulty entries (a missing field, a duplicate id, an
  /// unknown picture or object) are added to `faults` with their ids and left out; of one whose
  /// mask or box is broken these alone are. Without `faults` the first is an Error with file and
  /// id. A file that cannot be read at all is an Error always.
  static ReferIndex load(const DatasetFiles& files, Faults* faults = nullptr,
                         BrokenOutline broken = BrokenOutline::kError);

  /// The same checks on annotations that are in memory already.
  static ReferIndex from_parts(std::vector<ImageRecord> images, std::vector<Annotation> annotations,
                               std::vector<Reference> references, Faults* faults = nullptr,
                               std::vector<Category> categories = {},
                               BrokenOutline broken = BrokenOutline::kError);

  const std::vector<Reference>& references() const { return references_; }
  const std::vector<ImageRecord>& images() const { return images_; }
  const std::vector<Annotation>& annotations() const { return annotations_; }
  const std::vector<Category>& categories() const { return categories_; }
  const ImageRecord& image(std::int64_t image_id) const;
  const Annotation& annotation(std::int64_t ann_id) const;
  /// All annotated objects of a picture, referred to or not.
  const std::vector<std::int64_t>& annotations_of(std::int64_t image_id) const;

  /// Indices into references() of a split, by REFER's rule: `train` and `val` by equality, `test`
  /// when the name contains it, `testA` when the last letter is among those of the reference's
  /// split. Error when the split holds no sentence.
  std::vector<std::size_t> split(const std::string& name) const;
  /// Whether a split holds a sentence. Error for a name that no split has.
  bool has_split(const std::string& name) const;

  /// True when cues stand beside some sentence, as custom data may have them.
  bool has_cues() const;

  /// The objects whose mask and box were left out as broken.
  std::vector<const Annotation*> damaged() const;

  /// The sent_ids of a split whose object has no mask, though nothing is broken: such a split
  /// cannot be evaluated.
  std::vector<std::int64_t> without_mask(const std::string& split) const;

  /// The object's mask at image size: its polygons or RLEs by that rule, or its coded string.
  /// Error, with the id, for an object without a mask.
  image::Rle mask(const Annotation& annotation, GroundTruth rule = GroundTruth::kUnion) const;

 private:
  std::vector<Reference> references_;
  std::vector<ImageRecord> images_;
  std::vector<Annotation> annotations_;
  std::vector<Category> categories_;
  IdMap image_at_;
  IdMap annotation_at_;
  std::vector<std::vector<std::int64_t>> annotations_of_;  // of each of images_

  class Builder;
};

}  // namespace pcnet::data
