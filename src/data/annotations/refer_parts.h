#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pcnet/core/error.h"
#include "pcnet/data/annotations/refer_index.h"

namespace pcnet::data {

/// What the readers of annotation files find, entry by entry, before it is checked as a whole.
struct ReferParts {
  std::vector<ImageRecord> images;
  std::vector<Annotation> annotations;
  std::vector<Category> categories;
  std::vector<Reference> references;
};

/// An entry that cannot be used. The kinds are the words of Fault::kind.
class EntryFault : public core::Error {
 public:
  EntryFault(std::string kind, const std::string& what)
      : core::Error(what), kind_(std::move(kind)) {}
  const std::string& kind() const { return kind_; }

 private:
  std::string kind_;
};

/// Where faults go: into a list, or, when there is none, out as an Error that names the file.
class FaultSink {
 public:
  explicit FaultSink(Faults* faults, std::string file = {})
      : faults_(faults), file_(std::move(file)) {}
  void add(Fault fault) const;
  void add(const EntryFault& fault, std::string where) const {
    add({fault.kind(), std::move(where), fault.what()});
  }

 private:
  Faults* faults_;
  std::string file_;
};

/// Reads `instances.json`. `file` names it in errors. Error when it is not COCO's format.
void read_instances(std::string_view bytes, const std::string& file, ReferParts& parts,
                    Faults* faults);

/// Reads `refs(<splitBy>).p`.
void read_references(std::string_view bytes, const std::string& file, ReferParts& parts,
                     Faults* faults);

/// Reads the bytes of `files.annotations`; masks lie relative to its folder. Ids count from 1 in
/// the order of first appearance.
void read_custom(std::string_view bytes, const DatasetFiles& files, ReferParts& parts,
                 Faults* faults);

/// Takes mask and box out of an annotation in which they are broken, and notes the fault.
void leave_out_outline(Annotation& annotation, const EntryFault& fault, std::string where);

/// EntryFault unless the mask can be drawn at the picture's size.
void check_mask(const Annotation& annotation, const ImageRecord& picture);

}  // namespace pcnet::data
