#include "pcnet/data/export/packing.h"

#include <algorithm>
#include <atomic>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/log.h"
#include "pcnet/core/parallel.h"
#include "pcnet/data/annotations/digest.h"
#include "pcnet/data/batches/text_bank.h"
#include "pcnet/data/proposals/proposal_grid.h"

#include "data/annotations/tell_each.h"
#include "data/pack/pack_index.h"
#include "data/pack/pack_writer.h"
#include "data/pack/packed_proposals.h"

namespace pcnet::data {

using core::cat;
using core::Error;

namespace {

std::unordered_set<std::int64_t> referred_pictures(const ReferIndex& index) {
  std::unordered_set<std::int64_t> ids;
  for (const auto& reference : index.references()) ids.insert(reference.image_id);
  return ids;
}

std::string text_of(const nlohmann::ordered_json& document) { return core::json_text(document); }

/// What goes into the index: the pictures that references are about, and what belongs to them.
ReferParts parts_of(const ReferIndex& index) {
  const auto referred = referred_pictures(index);
  ReferParts parts;
  parts.categories = index.categories();
  parts.references = index.references();
  for (const auto& image : index.images()) {
    if (referred.contains(image.image_id)) parts.images.push_back(image);
  }
  for (const auto& annotation : index.annotations()) {
    if (referred.contains(annotation.image_id)) parts.annotations.push_back(annotation);
  }
  return parts;
}

std::string_view bytes_of(const at::Tensor& pixels) {
  return {static_cast<const char*>(pixels.const_data_ptr()), pixels.nbytes()};
}

class Packer {
 public:
  Packer(Dataset& dataset, const text::Tokenizer& tokenizer, const PackKey& key,
         const PackOptions& options)
      : dataset_(dataset),
        tokenizer_(tokenizer),
        key_(key),
        options_(options),
        parts_(parts_of(dataset.index())),
        pictures_(parts_.images.size()),
        team_(options.team ? options.team : std::make_shared<core::Communicator>()) {
    if (!team_->leads()) return;
    writer_.emplace(options.out, text_of(to_json(key)), static_cast<std::int64_t>(pictures_.size()),
                    picture_bytes());
    if (writer_->began_anew()) {
      core::log::warning(cat("the unfinished ", options.out.string(),
                             ".partial is of other data or settings: it is begun anew"));
    }
  }

  PackSummary run() {
    if (team_->is_alone()) {
      write_pictures();
    } else {
      write_pictures_together();
    }
    if (!writer_) return {};
    write_proposals();
    write_masks();
    write_texts();
    writer_->commit();
    PackSummary summary = summary_of(Pack(options_.out));  // it can be read: better seen now
    summary.taken_over = taken_over_;
    summary.omissions = std::move(omissions_);
    const auto all = static_cast<std::int64_t>(dataset_.index().images().size());
    summary.unused = all - summary.pictures;
    return summary;
  }

 private:
  void write_pictures();
  void write_pictures_together();
  FileStamp stamp(std::size_t picture) const {
    return stamp_of(dataset_.files().images / parts_.images[picture].file_name);
  }
  std::int64_t picture_bytes() const { return 3 * key_.image_size * key_.image_size; }
  /// The pixels of a picture [S, S, 3]; nothing for one that cannot be read.
  std::optional<at::Tensor> pixels_of(std::size_t picture);
  void put(std::size_t picture, const FileStamp& file, std::optional<std::string_view> pixels);
  void write_proposals();
  void write_masks();
  void write_texts();
  RowsById cue_rows();
  RowsById caption_rows();
  std::vector<std::uint64_t> rows_of(const std::vector<std::string>& texts);

  Dataset& dataset_;
  const text::Tokenizer& tokenizer_;
  const PackKey& key_;
  const PackOptions& options_;
  ReferParts parts_;
  std::vector<PackedPicture> pictures_;
  std::vector<MaskLengths> masks_;
  TextTable texts_;
  text::Omissions omissions_;
  std::shared_ptr<core::Communicator> team_;
  std::optional<PackWriter> writer_;  // of process 0
  std::int64_t taken_over_ = 0;
};

void Packer::write_pictures() {
  std::atomic<std::int64_t> taken_over = 0;
  tell_each(options_.tell, "images", pictures_.size(), options_.threads, [&](std::size_t i) {
    const FileStamp file = stamp(i);
    if (writer_->holds(static_cast<std::int64_t>(i), file)) {
      ++taken_over;
      return;
    }
    const auto pixels = pixels_of(i);
    put(i, file, pixels ? std::optional(bytes_of(*pixels)) : std::nullopt);
  });
  taken_over_ = taken_over;
}

std::optional<at::Tensor> Packer::pixels_of(std::size_t picture) {
  const auto found = dataset_.pictures().get(parts_.images[picture].image_id);
  if (!found) return std::nullopt;
  return found->permute({1, 2, 0}).contiguous();
}

void Packer::put(std::size_t picture, const FileStamp& file,
                 std::optional<std::string_view> pixels) {
  const auto row = static_cast<std::int64_t>(picture);
  if (pixels) {
    writer_->put(row, file, *pixels);
  } else {
    writer_->mark_unreadable(row, file);
  }
}

/// Every process decodes every so manieth picture of a window, then process 0 writes it.
void Packer::write_pictures_together() {
  constexpr std::size_t kMost = 64;  // of a process in a window
  constexpr std::size_t kBytes = std::size_t{256} << 20U;
  constexpr char kReadable = 'r';
  const auto processes = static_cast<std::size_t>(team_->size());
  const auto rank = static_cast<std::size_t>(team_->rank());
  const std::size_t of_each = std::clamp<std::size_t>(
      kBytes / processes / static_cast<std::size_t>(picture_bytes()), 1, kMost);
  std::string held;  // process 0 knows which pictures an earlier run wrote
  for (std::size_t i = 0; writer_ && i < pictures_.size(); ++i) {
    held += writer_->holds(static_cast<std::int64_t>(i), stamp(i)) ? '1' : '0';
  }
  held = team_->from_leader(held);
  std::vector<std::size_t> left;
  for (std::size_t i = 0; i < held.size(); ++i) {
    if (held[i] == '0') left.push_back(i);
  }
  taken_over_ = static_cast<std::int64_t>(held.size() - left.size());
  for (std::size_t begin = 0; begin < left.size(); begin += of_each * processes) {
    const std::size_t end = std::min(left.size(), begin + of_each * processes);
    if (options_.tell) {
      options_.tell("images", taken_over_ + static_cast<std::int64_t>(begin),
                    static_cast<std::int64_t>(held.size()));
    }
    const std::size_t own = (end - begin + processes - 1 - rank) / processes;
    std::vector<std::string> records(own);
    core::parallel_for(static_cast<std::int64_t>(own), options_.threads, [&](std::int64_t k) {
      const auto place = static_cast<std::size_t>(k);
      const auto pixels = pixels_of(left[begin + place * processes + rank]);
      if (pixels) (records[place] += kReadable) += bytes_of(*pixels);
    });
    std::string said;
    for (auto& record : records) said += record.empty() ? std::string(1, ' ') : std::move(record);
    const auto all = team_->gather(said);
    std::vector<std::size_t> at(all.size(), 0);
    for (std::size_t i = begin; writer_ && i < end; ++i) {
      const std::string& from = all[(i - begin) % processes];
      std::size_t& place = at[(i - begin) % processes];
      const bool readable = from.at(place++) == kReadable;
      const auto bytes = readable ? static_cast<std::size_t>(picture_bytes()) : 0;
      put(left[i], stamp(left[i]),
          readable ? std::optional(std::string_view(from).substr(place, bytes)) : std::nullopt);
      place += bytes;
    }
  }
  if (options_.tell) {
    const auto count = static_cast<std::int64_t>(held.size());
    options_.tell("images", count, count);
  }
}

void Packer::write_proposals() {
  if (!dataset_.has_proposals()) return;
  const ProposalStore& proposals = dataset_.proposals();
  const GridStore::Options& grid = options_.grid;
  std::vector<std::string> records(pictures_.size());
  std::uint64_t at = 0;
  writer_->begin(Section::kProposals);
  tell_each(
      options_.tell, "proposals", pictures_.size(), options_.threads,
      [&](std::size_t i) {
        const auto masks = proposals.of(parts_.images[i].image_id);
        pictures_[i].has_proposals = masks != nullptr;
        if (!masks) return;
        records[i] = encode_proposals(*masks, to_grid(*masks, grid.height, grid.width, grid.most));
      },
      [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
          PackedPicture& picture = pictures_[i];
          picture.proposals_at = at;
          picture.proposal_bytes = records[i].size();
          picture.proposal_checksum = checksum_of(records[i]);
          writer_->append(records[i]);
          at += records[i].size();
          records[i] = {};
        }
      });
}

void Packer::write_masks() {
  const ReferIndex& index = dataset_.index();
  masks_.resize(parts_.annotations.size());
  std::vector<std::string> coded(masks_.size());
  writer_->begin(Section::kMasks);
  tell_each(
      options_.tell, "masks", masks_.size(), options_.threads,
      [&](std::size_t i) {
        const Annotation& annotation = parts_.annotations[i];
        if (!annotation.has_mask()) return;
        coded[i] = image::to_coco_string(index.mask(annotation, GroundTruth::kUnion));
        masks_[i].whole = coded[i].size();
        if (annotation.polygons.size() + annotation.rles.size() < 2) return;
        const auto other = image::to_coco_string(index.mask(annotation, GroundTruth::kExclusive));
        if (other == coded[i]) return;
        coded[i] += other;
        masks_[i].exclusive = other.size();
      },
      [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
          writer_->append(coded[i]);
          coded[i] = {};
        }
      });
}

void Packer::write_texts() {
  if (dataset_.has_cues()) writer_->add(Section::kCues, encode_rows(cue_rows()));
  if (dataset_.has_captions()) writer_->add(Section::kCaptions, encode_rows(caption_rows()));
  writer_->add(Section::kIndex, encode_index(parts_, pictures_, masks_, texts_));
  writer_->add(Section::kTexts, texts_.encode(tokenizer_, key_.text_length,
                                              truncate_of(dataset_.options()), omissions_));
}

std::vector<std::uint64_t> Packer::rows_of(const std::vector<std::string>& texts) {
  std::vector<std::uint64_t> rows;
  for (const auto& text : texts) rows.push_back(texts_.row_of(text));
  return rows;
}

RowsById Packer::cue_rows() {
  RowsById lists;
  for (const auto& reference : parts_.references) {
    for (const auto& sentence : reference.sentences) {
      const auto* cues = dataset_.cues().find(sentence.sent_id);
      if (cues != nullptr) lists.emplace_back(sentence.sent_id, rows_of(*cues));
    }
  }
  return lists;
}

RowsById Packer::caption_rows() {
  RowsById lists;
  for (const auto& image : parts_.images) {
    const auto found = dataset_.captions().find(image.image_id);
    if (found != dataset_.captions().end()) {
      lists.emplace_back(image.image_id, rows_of(found->second));
    }
  }
  return lists;
}

}  // namespace

PackSummary summary_of(const Pack& pack) {
  const auto size = [](const auto& list) { return static_cast<std::int64_t>(list.size()); };
  const ReferIndex& index = pack.index();
  PackSummary summary;
  summary.pictures = size(index.images());
  summary.objects = size(index.annotations());
  summary.references = size(index.references());
  for (const auto& reference : index.references()) summary.sentences += size(reference.sentences);
  summary.texts = pack.texts();
  for (const auto& image : index.images()) {
    if (!pack.has_picture(image.image_id)) ++summary.unreadable;
    if (pack.has_proposals_of(image.image_id)) ++summary.pictures_with_proposals;
  }
  summary.bytes = pack.bytes();
  return summary;
}

std::uint64_t picture_bytes(const ReferIndex& index, std::int64_t image_size) {
  return referred_pictures(index).size() * static_cast<std::uint64_t>(3 * image_size * image_size);
}

PackSummary write_pack(Dataset& dataset, const text::Tokenizer& tokenizer, const PackKey& key,
                       const PackOptions& options) {
  if (dataset.index().references().empty()) {
    throw Error("the dataset has no references: there is nothing to pack");
  }
  return Packer(dataset, tokenizer, key, options).run();
}

std::optional<std::string> changed_picture(const Pack& pack, Dataset& dataset,
                                           std::int64_t image_id) {
  if (pack.is_fresh(image_id, dataset.files().images)) return std::nullopt;
  const auto packed = pack.picture(image_id);
  std::optional<at::Tensor> now;
  std::string fault = "it is another image than the one that was packed";
  try {
    now = dataset.pictures().get(image_id);
  } catch (const Error& unreadable) {
    fault = unreadable.what();
  }
  const bool same = packed && now ? packed->equal(*now) : !packed && !now;
  return same ? std::nullopt : std::optional<std::string>(fault);
}

std::vector<std::string> stale_reasons(const Pack& pack, const PackKey& key, Dataset& dataset,
                                       int threads, const Tell& tell) {
  auto reasons = differences(pack.key(), key);
  const auto sources = stale_sources(pack.key(), dataset.files());
  reasons.insert(reasons.end(), sources.begin(), sources.end());
  if (!reasons.empty()) return reasons;  // of another dataset: its pictures say nothing more
  const auto& images = pack.index().images();
  std::atomic<std::int64_t> changed = 0;
  tell_each(tell, "images", images.size(), threads, [&](std::size_t i) {
    if (changed_picture(pack, dataset, images[i].image_id)) ++changed;
  });
  if (changed > 0) {
    reasons.push_back(cat(changed, changed == 1 ? " image" : " images", " of ",
                          dataset.files().images.string(), " changed since"));
  }
  return reasons;
}

}  // namespace pcnet::data
