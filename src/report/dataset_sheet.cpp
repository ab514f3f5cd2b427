#include "pcnet/report/dataset_sheet.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/random.h"
#include "pcnet/image/fit.h"
#include "pcnet/image/overlay.h"

#include "sheet_parts.h"

namespace pcnet::report {

using core::cat;

namespace {

constexpr std::int64_t kCell = 360;    // px, a cell's width and longest side
constexpr std::size_t kSentences = 4;  // more of an object would push the picture off the screen
constexpr std::size_t kCues = 5;

/// The cues of a sentence, each once: stored ones are repeated up to their number
/// (docs/method.md#cues-and-proposals).
std::vector<std::string> different_cues(data::Dataset& dataset, const data::Sentence& sentence) {
  const std::vector<std::string>* cues = dataset.cues().find(sentence.sent_id);
  std::vector<std::string> different;
  if (cues == nullptr) return different;
  for (const auto& cue : *cues) {
    if (std::find(different.begin(), different.end(), cue) == different.end()) {
      different.push_back(cue);
    }
  }
  return different;
}

std::string cue_line(data::Dataset& dataset, const data::Sentence& sentence) {
  if (!dataset.has_cues()) return {};
  std::vector<std::string> cues = different_cues(dataset, sentence);
  if (cues.empty()) return "no cues";
  if (cues.size() > kCues) cues.resize(kCues);
  return "cues: " + core::join(cues, " | ");
}

std::vector<std::string> lines_of(data::Dataset& dataset, const data::Reference& reference) {
  std::vector<std::string> lines = {
      cat("ref_id ", reference.ref_id, ", ", reference.split, ", image_id ", reference.image_id)};
  const auto& sentences = reference.sentences;
  bool any_cues = false;
  for (std::size_t i = 0; i < std::min(sentences.size(), kSentences); ++i) {
    lines.push_back(cat("\"", sentences[i].text, "\""));
    const std::string cues = cue_line(dataset, sentences[i]);
    if (cues.empty()) continue;
    lines.push_back(cues);
    any_cues = true;
  }
  if (sentences.empty()) lines.emplace_back("no sentences");
  if (sentences.size() > kSentences) {
    lines.push_back(cat("and ", sentences.size() - kSentences, " more sentences"));
  }
  if (!any_cues) lines.emplace_back("the dataset has no cues");
  return lines;
}

/// Draws the proposals; says how many there are.
std::string draw_proposals(data::Dataset& dataset, std::int64_t image_id, image::Picture& picture) {
  if (!dataset.has_proposals()) return "the dataset has no proposals";
  data::ProposalStore::Masks found;
  try {
    found = dataset.proposals().of(image_id);
  } catch (const core::Error& error) {
    return error.what();
  }
  if (found == nullptr || found->empty()) return "no proposals of this image";
  std::vector<const image::Rle*> masks;
  for (const auto& mask : *found) masks.push_back(&mask);
  paint_masks(picture, masks, kCell, /*numbered=*/false);
  return cat(masks.size(), masks.size() == 1 ? " proposal" : " proposals");
}

image::Picture draw_reference(data::Dataset& dataset, const data::Reference& reference) {
  const auto& index = dataset.index();
  const auto& record = index.image(reference.image_id);
  std::string fault;
  const image::Picture picture = image::fit(picture_or_grey(dataset, record, fault), kCell);
  image::Picture object = picture;
  auto lines = lines_of(dataset, reference);
  const auto& annotation = index.annotation(reference.ann_id);
  if (annotation.has_mask()) {
    const image::Mask truth = image::fit(image::decode(index.mask(annotation)), kCell);
    image::spotlight(object, truth, image::kGreen);
  } else {
    lines.emplace_back("no mask was drawn");
  }
  if (!fault.empty()) lines.push_back(fault);
  image::Picture proposed = picture;
  const std::string found = draw_proposals(dataset, record.image_id, proposed);
  const std::array<image::Picture, 2> pair = {under_lines(object, lines, kCell),
                                              under_lines(proposed, {found}, kCell)};
  return image::sheet(pair, 2);
}

}  // namespace

std::vector<std::size_t> draw_references(const data::ReferIndex& index, const std::string& split,
                                         std::int64_t count, std::uint64_t seed) {
  std::vector<std::size_t> chosen = index.split(split);
  core::Rng rng(seed);
  rng.shuffle(chosen);
  std::vector<std::size_t> first;
  std::vector<std::size_t> again;
  std::unordered_set<std::int64_t> seen;
  for (const auto at : chosen) {
    (seen.insert(index.references()[at].image_id).second ? first : again).push_back(at);
  }
  first.insert(first.end(), again.begin(), again.end());
  first.resize(std::min(first.size(), static_cast<std::size_t>(count)));
  return first;
}

std::vector<std::size_t> find_references(const data::ReferIndex& index,
                                         std::span<const std::int64_t> ref_ids) {
  std::unordered_map<std::int64_t, std::size_t> at;
  for (std::size_t i = 0; i < index.references().size(); ++i) {
    at.emplace(index.references()[i].ref_id, i);
  }
  std::vector<std::size_t> found;
  for (const auto ref_id : ref_ids) {
    const auto place = at.find(ref_id);
    if (place == at.end()) {
      throw core::UsageError(cat("--ref: no ref_id ", ref_id, " among the ",
                                 index.references().size(), " references of the dataset"));
    }
    found.push_back(place->second);
  }
  return found;
}

image::Picture draw_dataset_sheet(data::Dataset& dataset, std::span<const std::size_t> references) {
  constexpr std::size_t kColumns = 2;
  std::vector<image::Picture> rows;
  for (std::size_t begin = 0; begin < references.size(); begin += kColumns) {
    std::vector<image::Picture> row;
    for (const auto at : references.subspan(begin, std::min(kColumns, references.size() - begin))) {
      row.push_back(draw_reference(dataset, dataset.index().references()[at]));
    }
    rows.push_back(image::sheet(row, static_cast<std::int64_t>(kColumns)));
  }
  return image::stack(rows);
}

}  // namespace pcnet::report
