#include <fstream>
#include <mutex>
#include <optional>
#include <utility>

#include "pcnet/core/files.h"
#include "pcnet/core/json.h"
#include "pcnet/core/json_scan.h"
#include "pcnet/core/log.h"
#include "pcnet/core/mapped_file.h"
#include "pcnet/data/annotations/digest.h"
#include "pcnet/data/proposals/proposal_formats.h"
#include "pcnet/image/picture.h"

#include "data/annotations/json_lines.h"
#include "data/annotations/json_masks.h"
#include "proposal_choice.h"
#include "proposal_files.h"

namespace pcnet::data {

namespace fs = std::filesystem;
using core::cat;
using core::Error;
using nlohmann::json;

namespace {

/// The "image_id" of a line, nothing when it has none. What follows it is not looked at.
std::optional<std::int64_t> id_of(std::string_view line) {
  std::optional<std::int64_t> id;
  core::JsonScanner scanner(line);
  if (scanner.peek() != '{') {
    throw Error(cat("the line is ", shown(core::parse_json<json>(line)), ", wanted an object"));
  }
  scanner.members([&](const std::string& key) {
    const std::string_view value = scanner.value();
    if (key == "image_id") id = whole_number(core::parse_json<json>(value), "image_id");
    return !id;
  });
  return id;
}

/// A damaged picture, or one of another size, is no other one; whoever reads it says so.
bool is_whole(const fs::path& file, const ImageRecord& picture) {
  try {
    const image::Picture read = image::read_picture(file, /*apply_exif=*/false);
    return read.height == picture.height && read.width == picture.width;
  } catch (const Error&) {
    return false;
  }
}

constexpr int kLookedAt = 10;  // other pictures, to tell a changed picture from other pictures

class ProposalLines : public ProposalSource {
 public:
  ProposalLines(fs::path path, const ReferIndex& index, const config::ProposalFilterOptions& filter,
                fs::path images)
      : path_(std::move(path)),
        index_(index),
        filter_(filter),
        images_(std::move(images)),
        lines_(index_proposal_lines(core::read_file(path_), path_.string())) {}

  bool has(const ImageRecord& picture) const override { return lines_.contains(picture.image_id); }
  fs::path file_of(const ImageRecord& /*picture*/) const override { return path_; }

  std::vector<ScoredProposal> read(const ImageRecord& picture) const override {
    const std::string name = name_of(picture);
    const std::string line = line_of(picture);
    ProposedPicture made_of;
    auto proposals = parse_proposal_line(line, name, &made_of);
    require_picture(picture, made_of, name);
    return filter_.apply == "all" ? chosen(std::move(proposals), filter_) : proposals;
  }

 private:
  std::string name_of(const ImageRecord& picture) const {
    return cat(path_.string(), ":", lines_.at(picture.image_id).number);
  }
  std::string line_of(const ImageRecord& picture) const {
    const LineSpan& span = lines_.at(picture.image_id);
    std::string line(span.size, '\0');
    std::ifstream in(path_, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(span.begin));
    in.read(line.data(), static_cast<std::streamsize>(line.size()));
    if (!in)
      throw Error(cat("cannot read ", name_of(picture), ": was the file changed meanwhile?"));
    return line;
  }

  /// Whether most of the first other pictures are not those of their lines, either.
  bool are_others_too(const ImageRecord& picture) const {
    int looked_at = 0;
    int other = 0;
    for (const auto& image : index_.images()) {
      const fs::path file = images_ / image.file_name;
      if (image.image_id == picture.image_id || !has(image) || !fs::is_regular_file(file)) continue;
      ProposedPicture made_of;
      (void)parse_proposal_line(line_of(image), name_of(image), &made_of);
      if (digest_of(core::MappedFile(file).bytes()) != made_of.digest) ++other;
      if (++looked_at == kLookedAt) break;
    }
    return 2 * other >= looked_at;
  }

  /// Error when the line is of another picture; a warning, once, when it does not say of which.
  void require_picture(const ImageRecord& picture, const ProposedPicture& made_of,
                       const std::string& name) const {
    if (made_of.file_name.empty()) {
      std::call_once(warned_, [&] {
        core::log::warning(cat("the proposals in ", path_.string(),
                               " do not say of which image they are (file_name): they are taken "
                               "by image_id alone"));
      });
      return;
    }
    const std::string advice =
        ": these are the proposals of other images; name this dataset's own with --proposals";
    if (fs::path(made_of.file_name).filename() != fs::path(picture.file_name).filename()) {
      throw Error(cat(name, ": image_id ", picture.image_id, " is ", made_of.file_name,
                      " there and ", picture.file_name, " in this dataset", advice));
    }
    const fs::path file = images_ / picture.file_name;
    if (images_.empty() || made_of.digest.empty() || !fs::is_regular_file(file)) return;
    const std::string digest = digest_of(core::MappedFile(file).bytes());
    if (digest == made_of.digest || !is_whole(file, picture)) return;
    const std::string what =
        cat(name, ": image_id ", picture.image_id, " was ", made_of.file_name, " with ",
            made_of.digest, ", and ", file.string(), " has ", digest);
    if (are_others_too(picture)) throw Error(cat(what, advice));
    core::log::warning(cat(what, ": the image was changed since its proposals were made"));
  }

  fs::path path_;
  const ReferIndex& index_;
  config::ProposalFilterOptions filter_;
  fs::path images_;
  std::unordered_map<std::int64_t, LineSpan> lines_;
  mutable std::once_flag warned_;
};

/// What a maker says of a proposal, where it says it.
std::optional<double> given_score(const json& proposal, const char* key) {
  const auto found = proposal.find(key);
  if (found == proposal.end()) return std::nullopt;
  if (!found->is_number()) throw Error(cat(key, " is ", shown(*found), ", wanted a number"));
  return found->get<double>();
}

/// A line that tells of a whole file, or of the part of it that follows.
bool is_head(std::string_view line) {
  const json head = core::try_parse_json<json>(line);
  return head.is_object() && head.value("format", json()) == "pcnet-proposals";
}

}  // namespace

std::unordered_map<std::int64_t, LineSpan> index_proposal_lines(std::string_view text,
                                                                std::string_view name) {
  std::unordered_map<std::int64_t, LineSpan> lines;
  for_each_line(text, name, [&](std::string_view line, std::size_t at, std::size_t number) {
    const auto id = id_of(line);
    if (!id && is_head(line)) return;
    if (!id) throw Error("it has no image_id");
    if (!lines.emplace(*id, LineSpan{at, line.size(), number}).second) {
      throw Error(cat("duplicate image_id ", *id));
    }
  });
  return lines;
}

std::vector<ScoredProposal> parse_proposal_line(std::string_view line, std::string_view name,
                                                ProposedPicture* picture) {
  try {
    const json entry = core::parse_json<json>(line);
    if (picture != nullptr) {
      *picture = {entry.value("file_name", ""), entry.value("picture_digest", "")};
    }
    const json& list = member(entry, "proposals");
    if (!list.is_array()) {
      throw Error(cat("\"proposals\" is ", shown(list), ", wanted a list"));
    }
    std::vector<ScoredProposal> proposals;
    for (const auto& proposal : list) {
      try {
        proposals.push_back({.mask = read_rle(member(proposal, "segmentation")),
                             .predicted_iou = given_score(proposal, kPredictedIou),
                             .stability = given_score(proposal, kStability),
                             .score = given_score(proposal, kScore)});
      } catch (const std::exception& error) {
        throw Error(cat("proposal ", proposals.size(), ": ", error.what()));
      }
    }
    return proposals;
  } catch (const std::exception& error) {
    throw Error(cat(name, ": ", error.what()));
  }
}

std::unique_ptr<ProposalSource> open_proposal_lines(const fs::path& path, const ReferIndex& index,
                                                    const config::ProposalFilterOptions& filter,
                                                    const fs::path& images) {
  return std::make_unique<ProposalLines>(path, index, filter, images);
}

}  // namespace pcnet::data
