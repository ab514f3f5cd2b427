#include <fstream>
#include <utility>

#include "pcnet/core/files.h"
#include "pcnet/data/proposal_formats.h"

#include "json_lines.h"
#include "json_masks.h"
#include "proposal_choice.h"
#include "proposal_source.h"

namespace pcnet::data {

namespace fs = std::filesystem;
using core::cat;
using core::Error;
using nlohmann::json;

namespace {

/// Stops at the outermost "image_id" of a line.
class IdFinder : public nlohmann::json_sax<json> {
 public:
  explicit IdFinder(std::string_view line) : line_(line) {}
  bool found() const { return found_; }
  std::int64_t id() const { return id_; }

  bool null() override { return value("null"); }
  bool boolean(bool /*value*/) override { return value("true or false"); }
  bool number_integer(std::int64_t number) override { return whole(number); }
  bool number_unsigned(std::uint64_t number) override {
    return whole(static_cast<std::int64_t>(number));
  }
  bool number_float(double /*value*/, const std::string& text) override { return value(text); }
  bool string(std::string& /*value*/) override { return value("a text"); }
  bool binary(json::binary_t& /*value*/) override { return value("bytes"); }
  bool start_object(std::size_t /*size*/) override { return open("an object"); }
  bool start_array(std::size_t /*size*/) override { return open("a list"); }
  bool end_object() override { return --depth_ >= 0; }
  bool end_array() override { return --depth_ >= 0; }
  bool key(std::string& name) override {
    wanted_ = depth_ == 1 && name == "image_id";
    return true;
  }
  bool parse_error(std::size_t /*at*/, const std::string& /*token*/,
                   const json::exception& fault) override {
    throw broken_json(line_, fault);
  }

 private:
  bool whole(std::int64_t number) {
    if (depth_ == 0) return value("a number");
    found_ = wanted_;
    id_ = number;
    return !wanted_;
  }
  bool value(std::string_view what) const {
    if (wanted_) throw Error(cat("image_id is ", what, ", wanted a whole number"));
    if (depth_ == 0) throw Error(cat("the line is ", what, ", wanted an object"));
    return true;
  }
  bool open(std::string_view what) {
    if (wanted_) return value(what);
    ++depth_;
    return true;
  }

  int depth_ = 0;
  std::string_view line_;
  bool wanted_ = false;
  bool found_ = false;
  std::int64_t id_ = 0;
};

class ProposalLines : public ProposalSource {
 public:
  ProposalLines(fs::path path, const config::ProposalFilterOptions& filter)
      : path_(std::move(path)),
        filter_(filter),
        lines_(index_proposal_lines(core::read_file(path_), path_.string())) {}

  bool has(const ImageRecord& picture) const override { return lines_.contains(picture.image_id); }
  fs::path file_of(const ImageRecord& /*picture*/) const override { return path_; }

  std::vector<image::Rle> read(const ImageRecord& picture) const override {
    const LineSpan& span = lines_.at(picture.image_id);
    const std::string name = cat(path_.string(), ":", span.number);
    std::string line(span.size, '\0');
    std::ifstream in(path_, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(span.begin));
    in.read(line.data(), static_cast<std::streamsize>(line.size()));
    if (!in) throw Error(cat("cannot read ", name, ": was the file changed meanwhile?"));
    auto masks = parse_proposal_line(line, name);
    if (filter_.apply != "all") return masks;
    return chosen_masks(unscored(std::move(masks)), filter_);
  }

 private:
  fs::path path_;
  config::ProposalFilterOptions filter_;
  std::unordered_map<std::int64_t, LineSpan> lines_;
};

}  // namespace

std::unordered_map<std::int64_t, LineSpan> index_proposal_lines(std::string_view text,
                                                                std::string_view name) {
  std::unordered_map<std::int64_t, LineSpan> lines;
  for_each_line(text, name, [&](std::string_view line, std::size_t at, std::size_t number) {
    IdFinder finder(line);
    json::sax_parse(line, &finder, json::input_format_t::json, /*strict=*/false);
    if (!finder.found()) throw Error("it has no image_id");
    if (!lines.emplace(finder.id(), LineSpan{at, line.size(), number}).second) {
      throw Error(cat("duplicate image_id ", finder.id()));
    }
  });
  return lines;
}

std::vector<image::Rle> parse_proposal_line(std::string_view line, std::string_view name) {
  try {
    const json entry = parse_json(line);
    const json& proposals = member(entry, "proposals");
    if (!proposals.is_array()) {
      throw Error(cat("\"proposals\" is ", shown(proposals), ", wanted a list"));
    }
    std::vector<image::Rle> masks;
    for (const auto& proposal : proposals) {
      try {
        masks.push_back(read_mask(member(proposal, "segmentation")));
      } catch (const std::exception& fault) {
        throw Error(cat("proposal ", masks.size(), ": ", fault.what()));
      }
    }
    return masks;
  } catch (const std::exception& fault) {
    throw Error(cat(name, ": ", fault.what()));
  }
}

std::unique_ptr<ProposalSource> open_proposal_lines(const fs::path& path,
                                                    const config::ProposalFilterOptions& filter) {
  return std::make_unique<ProposalLines>(path, filter);
}

}  // namespace pcnet::data
