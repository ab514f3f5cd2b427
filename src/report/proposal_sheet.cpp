#include "pcnet/report/proposal_sheet.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <optional>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/image/fit.h"

#include "sheet_parts.h"

namespace pcnet::report {

namespace fs = std::filesystem;
using core::cat;

namespace {

constexpr std::int64_t kTogether = 480;  // px, the longest side of the picture with all proposals
constexpr std::int64_t kAlone = 236;  // of a proposal's own cell: four are as wide as two of these
constexpr std::int64_t kColumns = 4;

std::optional<std::int64_t> id_in(const std::string& text) {
  std::int64_t id = 0;
  const char* end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, id);
  if (fault != std::errc() || stop != end) return std::nullopt;
  return id;
}

bool is_named(const data::ImageRecord& image, const std::string& name) {
  return image.file_name == name ||
         fs::path(image.file_name).filename() == fs::path(name).filename();
}

std::int64_t find_image(const data::ReferIndex& index, const std::string& name) {
  const auto& images = index.images();
  if (const auto id = id_in(name)) {
    const auto found = std::find_if(images.begin(), images.end(),
                                    [&](const auto& image) { return image.image_id == *id; });
    if (found != images.end()) return *id;
  }
  std::vector<std::int64_t> found;
  for (const auto& image : images) {
    if (is_named(image, name)) found.push_back(image.image_id);
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    throw core::UsageError(cat("--image ", name,
                               ": the dataset has no image_id and no file of that ",
                               "name among its ", images.size(), " images"));
  }
  throw core::UsageError(cat("--image ", name, ": ", found.size(),
                             " images have that name, name one by its image_id, e.g. ", found[0]));
}

std::string counted(const ImageProposals& image) {
  if (!image.has_entry) return "no entry of this image";
  return cat(image.proposals.size(), image.proposals.size() == 1 ? " proposal" : " proposals");
}

std::vector<const image::Rle*> masks_of(const ImageProposals& image) {
  std::vector<const image::Rle*> masks;
  for (const auto& proposal : image.proposals) masks.push_back(&proposal.mask);
  return masks;
}

/// "predicted IoU 0.91, stability 0.97"; empty where nothing is known.
std::string scores_of(const data::ScoredProposal& proposal) {
  std::vector<std::string> known;
  const auto add = [&](const char* name, const std::optional<double>& value) {
    if (value) known.push_back(cat(name, " ", core::fixed(*value, 2)));
  };
  add("predicted IoU", proposal.predicted_iou);
  add("stability", proposal.stability);
  add("score", proposal.score);
  return core::join(known, ", ");
}

image::Picture draw_alone(const ImageProposals& image, std::size_t number) {
  const auto& proposal = image.proposals[number];
  image::Picture picture = image::fit(image.picture, kAlone);
  image::spotlight(picture, image::fit(image::decode(proposal.mask), kAlone), colour_of(number));
  const std::int64_t area = image::area(proposal.mask);
  const double share = 100 * static_cast<double>(area) /
                       static_cast<double>(proposal.mask.height * proposal.mask.width);
  std::vector<std::string> lines = {cat(number, ": ", area, " px, ", core::fixed(share, 1), " %")};
  if (const std::string scores = scores_of(proposal); !scores.empty()) lines.push_back(scores);
  return under_lines(picture, lines, kAlone);
}

}  // namespace

std::vector<std::int64_t> find_images(const data::ReferIndex& index,
                                      const std::vector<std::string>& named) {
  std::vector<std::int64_t> found;
  found.reserve(named.size());
  for (const auto& name : named) found.push_back(find_image(index, name));
  return found;
}

std::vector<std::int64_t> spread_images(data::Dataset& dataset, std::int64_t count) {
  std::vector<std::int64_t> with_entry;
  for (const auto& image : dataset.index().images()) {
    if (dataset.proposals().has(image.image_id)) with_entry.push_back(image.image_id);
  }
  const std::size_t wanted = std::min(with_entry.size(), static_cast<std::size_t>(count));
  std::vector<std::int64_t> chosen;
  for (std::size_t i = 0; i < wanted; ++i) {
    chosen.push_back(with_entry[i * with_entry.size() / wanted]);
  }
  return chosen;
}

ImageProposals image_proposals(data::Dataset& dataset, std::int64_t image_id) {
  const auto& record = dataset.index().image(image_id);
  ImageProposals image;
  image.image_id = image_id;
  image.file_name = record.file_name;
  if (auto proposals = dataset.proposals().scored(image_id)) {
    image.has_entry = true;
    image.proposals = std::move(*proposals);
  }
  image.picture = picture_or_grey(dataset, record, image.fault);
  return image;
}

image::Picture draw_proposals_together(const ImageProposals& image) {
  image::Picture picture = image::fit(image.picture, kTogether);
  paint_masks(picture, masks_of(image), kTogether, /*numbered=*/true);
  std::vector<std::string> lines = {
      cat("image_id ", image.image_id, ", ", image.file_name, ", ", counted(image))};
  if (!image.fault.empty()) lines.push_back(image.fault);
  return under_lines(picture, lines, kTogether);
}

image::Picture draw_proposals_apart(const ImageProposals& image) {
  const std::array<image::Picture, 2> above = {
      image::widen(image::fit(image.picture, kTogether), kTogether),
      draw_proposals_together(image)};
  std::vector<image::Picture> rows = {image::sheet(above, 2)};
  std::vector<image::Picture> cells;
  for (std::size_t i = 0; i < image.proposals.size(); ++i) cells.push_back(draw_alone(image, i));
  if (!cells.empty()) rows.push_back(image::sheet(cells, kColumns));
  return image::stack(rows);
}

}  // namespace pcnet::report
