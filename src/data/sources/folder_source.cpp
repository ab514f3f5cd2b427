#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/lap.h"
#include "pcnet/core/log.h"
#include "pcnet/data/annotations/digest.h"
#include "pcnet/data/cues/cue_origin.h"
#include "pcnet/data/pack/pack_key.h"
#include "pcnet/data/sources/dataset_source.h"
#include "pcnet/image/resize.h"

#include "data/annotations/orientation_note.h"

namespace pcnet::data {

using core::cat;
using core::Error;

namespace {

BrokenOutline broken_outline(const config::DataOptions& options) {
  return options.on_bad_annotation == "skip" ? BrokenOutline::kLeftOut : BrokenOutline::kError;
}

}  // namespace

FolderSource::FolderSource(DatasetFiles files, const config::DataOptions& options)
    : files_(std::move(files)),
      image_size_(options.image_size),
      proposal_filter_(options.proposal_filter),
      index_(ReferIndex::load(files_, nullptr, broken_outline(options))) {}

at::Tensor FolderSource::read_picture(const ImageRecord& image, PictureTimes* times) const {
  core::Lap lap;
  const image::Picture picture = original_picture(image);
  const double decoded = lap.take();
  at::Tensor resized = image::resize_square(picture, image_size_);
  if (times != nullptr) {
    times->decode += decoded;
    times->resize += lap.take();
  }
  return resized;
}

image::Picture FolderSource::original_picture(const ImageRecord& image) const {
  const auto path = files_.images / image.file_name;
  image::Picture picture = image::read_picture(path, files_.apply_exif);
  if (picture.height == image.height && picture.width == image.width) return picture;
  const std::string note = orientation_note(path, files_.apply_exif);
  throw Error(cat(path.string(), " is ", picture.width, " x ", picture.height,
                  ", the annotations say ", image.width, " x ", image.height,
                  note.empty() ? "" : "; ", note));
}

std::unique_ptr<const CueStore> FolderSource::cues() const {
  auto cues = std::make_unique<const CueStore>(files_.cues);
  const OtherSentences other = other_sentences(*cues, index_, files_);
  if (other.are_foreign) {
    throw Error(cat(other.what,
                    ": name this dataset's own with --cues, make some with `pcnet cues make`, or "
                    "let the rules make them with --cues rules"));
  }
  for (const auto& doubt : {other.what, unnamed_cues(*cues, index_)}) {
    if (!doubt.empty()) core::log::warning(doubt);
  }
  return cues;
}

std::unique_ptr<const ProposalStore> FolderSource::proposals() const {
  const ProposalStore::Options options{.filter = proposal_filter_, .images = files_.images};
  return std::make_unique<const ProposalStore>(files_.proposals, index_, options);
}

std::string FolderSource::proposals_digest() const {
  return digest_text(source_of(files_.proposals).checksum);
}

std::string FolderSource::missing(const std::string& what) const {
  return cat("the dataset has no ", what, ": no ", what, ".jsonl beside ",
             files_.annotations.string(),
             what == "cues" ? "; make one with `pcnet cues make`, name another source"
                            : "; make one or name another source");
}

std::unique_ptr<const CueStore> CustomSource::cues() const {
  if (FolderSource::has_cues()) return FolderSource::cues();
  CuesBySentence cues;
  for (const auto& reference : index().references()) {
    for (const auto& sentence : reference.sentences) {
      if (!sentence.cues.empty()) cues.emplace(sentence.sent_id, sentence.cues);
    }
  }
  return std::make_unique<const CueStore>(std::move(cues), files().annotations);
}

}  // namespace pcnet::data
