#include "pcnet/data/pack/pack.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fstream>
#include <mutex>
#include <utility>

#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/mapped_file.h"
#include "pcnet/data/annotations/digest.h"

#include "pack_format.h"
#include "pack_index.h"
#include "packed_proposals.h"

namespace pcnet::data {

namespace fs = std::filesystem;
using core::cat;
using core::Error;

/// What opening finds in the mapped bytes.
struct Pack::Contents {
  PackHeader header;
  std::string_view bytes;
  std::vector<PackedText> texts;
  std::vector<PackedPicture> pictures;
  IdMap row_of;                             // by image_id
  std::vector<std::atomic<bool>> compared;  // pictures whose checksum was right
  std::once_flag texts_indexed;
  std::unordered_map<std::string_view, std::size_t> text_at;

  bool has(Section section) const { return header[section].present != 0; }
  std::string_view section(Section section) const {
    const SectionPlace& place = header[section];
    return bytes.substr(place.offset, place.bytes);
  }
  std::size_t row(std::int64_t image_id) const {
    const auto* found = row_of.find(image_id);
    if (found == nullptr) throw Error(cat("it holds no image_id ", image_id));
    return *found;
  }
  PictureCheck check(std::size_t row) const {
    PictureCheck check;
    std::memcpy(&check, section(Section::kChecks).data() + row * sizeof(check), sizeof(check));
    return check;
  }
  std::string_view picture(std::size_t row) const {
    return section(Section::kPictures).substr(row * header.picture_bytes, header.picture_bytes);
  }
  std::string_view proposals(std::int64_t image_id) const {
    const PackedPicture& picture = pictures[row(image_id)];
    const std::string_view all = section(Section::kProposals);
    if (picture.proposals_at > all.size() ||
        picture.proposal_bytes > all.size() - picture.proposals_at) {
      throw Error("its proposals lie outside of their section");
    }
    const auto record = all.substr(picture.proposals_at, picture.proposal_bytes);
    if (checksum_of(record) != picture.proposal_checksum) {
      throw Error("its proposals have another checksum than when they were packed");
    }
    return record;
  }
};

namespace {

/// The header of a whole pack, whose sections lie within the file.
PackHeader read_header(std::string_view bytes) {
  PackHeader header;
  if (bytes.substr(0, kUnfinishedMagic.size()) == kUnfinishedMagic) {
    throw Error("it is not finished: run the same `pcnet data pack` again, it goes on");
  }
  if (bytes.substr(0, kWholeMagic.size()) != kWholeMagic) {
    throw Error("it is no pack: wanted a file that `pcnet data pack` wrote");
  }
  if (bytes.size() < kPage) throw Error("it is cut short");
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.version != kPackVersion) {
    throw Error(cat("it is of format ", header.version, ", this program reads ", kPackVersion,
                    ": make it again with `pcnet data pack --replace`"));
  }
  if (header_checksum(header) != header.checksum) throw Error("its header is damaged");
  for (std::size_t i = 0; i < kSectionNames.size(); ++i) {
    const SectionPlace& place = header.sections[i];
    if (place.offset <= bytes.size() && place.bytes <= bytes.size() - place.offset) continue;
    throw Error(cat("it is cut short: its section of ", kSectionNames[i], " ends at byte ",
                    place.offset + place.bytes, ", the file at ", bytes.size()));
  }
  return header;
}

/// Pictures and proposals have checksums of their own.
void check_sections(const PackHeader& header, std::string_view bytes) {
  for (std::size_t i = 0; i < kSectionNames.size(); ++i) {
    const auto section = static_cast<Section>(i);
    const SectionPlace& place = header.sections[i];
    if (section == Section::kPictures || section == Section::kProposals) continue;
    if (checksum_of(bytes.substr(place.offset, place.bytes)) == place.checksum) continue;
    throw Error(cat("its section of ", kSectionNames[i], " is damaged"));
  }
}

/// Sizes that a broken key could make too large.
void check_key(const PackKey& key) {
  constexpr std::int64_t kMost = 65536;
  for (const auto value : {key.image_size, key.text_length}) {
    if (value < 1 || value > kMost) throw Error(cat("its key is broken: a size of ", value));
  }
  constexpr std::int64_t kMostCells = std::int64_t{1} << 24;
  for (const auto value : {key.grid_height, key.grid_width, key.grid_most}) {
    if (value < 0 || value > kMost) throw Error(cat("its key is broken: a grid of ", value));
  }
  if (key.grid_height * key.grid_width > kMostCells / std::max<std::int64_t>(key.grid_most, 1)) {
    throw Error("its key is broken: the grid is too large");
  }
}

/// The pictures' section must be as large as its number of squares says.
void check_pictures(const PackHeader& header, std::int64_t image_size, std::size_t images) {
  const auto side = static_cast<std::uint64_t>(image_size);
  const bool right = header.picture_bytes == 3 * side * side && header.pictures == images &&
                     header[Section::kPictures].bytes / header.picture_bytes == images &&
                     header[Section::kChecks].bytes == images * sizeof(PictureCheck);
  if (!right) {
    throw Error(cat("its images are not ", images, " of ", image_size, " x ", image_size));
  }
}

}  // namespace

bool is_pack(const fs::path& path) {
  std::string magic(kWholeMagic.size(), '\0');
  std::ifstream(path, std::ios::binary)
      .read(magic.data(), static_cast<std::streamsize>(magic.size()));
  return magic == kWholeMagic || magic == kUnfinishedMagic;
}

Pack::Pack(const fs::path& path) : path_(path) {
  const auto file = std::make_shared<const core::MappedFile>(path);
  owner_ = file;
  bytes_ = file->bytes();
  open();
}

Pack::Pack(std::shared_ptr<const void> owner, std::string_view bytes, fs::path path)
    : path_(std::move(path)), owner_(std::move(owner)), bytes_(bytes) {
  open();
}

Pack::~Pack() = default;

template <class Read>
auto Pack::guarded(const std::string& where, Read read) const {
  try {
    return read();
  } catch (const Error& error) {
    throw Error(cat("the pack ", path_.string(), ": ", where, error.what()));
  }
}

void Pack::open() {
  guarded("", [&] {
    contents_ = std::make_unique<Contents>();
    Contents& all = *contents_;
    all.bytes = bytes_;
    all.header = read_header(bytes_);
    check_sections(all.header, bytes_);
    const auto key = core::try_parse_json<nlohmann::ordered_json>(all.section(Section::kKey));
    key_ = pack_key_from_json(key);
    check_key(key_);
    all.texts = decode_texts(all.section(Section::kTexts));
    PackedIndex packed =
        decode_index(all.section(Section::kIndex), all.texts, all.section(Section::kMasks));
    check_pictures(all.header, key_.image_size, packed.parts.images.size());
    all.pictures = std::move(packed.pictures);
    all.compared = std::vector<std::atomic<bool>>(all.pictures.size());
    all.row_of.reserve(all.pictures.size());
    for (std::size_t row = 0; row < all.pictures.size(); ++row) {
      all.row_of.emplace(packed.parts.images[row].image_id, row);
    }
    ReferParts& parts = packed.parts;
    index_ = std::make_unique<ReferIndex>(ReferIndex::from_parts(
        std::move(parts.images), std::move(parts.annotations), std::move(parts.references),
        /*faults=*/nullptr, std::move(parts.categories), BrokenOutline::kLeftOut));
  });
}

bool Pack::has_picture(std::int64_t image_id) const {
  return contents_->check(contents_->row(image_id)).state == PictureState::kWhole;
}

std::optional<at::Tensor> Pack::picture(std::int64_t image_id) const {
  return guarded(cat("image_id ", image_id, ": "), [&]() -> std::optional<at::Tensor> {
    const std::size_t row = contents_->row(image_id);
    const PictureCheck check = contents_->check(row);
    if (check.state != PictureState::kWhole) return std::nullopt;
    const std::string_view pixels = contents_->picture(row);
    auto& compared = contents_->compared[row];
    if (!compared.load(std::memory_order_relaxed)) {
      if (checksum_of(pixels) != check.checksum) {
        throw Error("its image is damaged: make the pack again with `pcnet data pack`");
      }
      compared.store(true, std::memory_order_relaxed);
    }
    const std::int64_t side = key_.image_size;
    // torch has no read-only tensors; nobody writes to a picture of a dataset.
    return torch::from_blob(
        const_cast<char*>(pixels.data()),  // NOLINT(cppcoreguidelines-pro-type-const-cast)
        {3, side, side}, {1, 3 * side, 3}, [owner = owner_](void* /*data*/) {}, torch::kByte);
  });
}

bool Pack::has_cues() const { return contents_->has(Section::kCues); }

CuesBySentence Pack::cues() const {
  return guarded("",
                 [&] { return decode_rows(contents_->section(Section::kCues), contents_->texts); });
}

std::uint32_t Pack::checksum() const { return contents_->header.checksum; }

bool Pack::has_captions() const { return contents_->has(Section::kCaptions); }

Captions Pack::captions() const {
  return guarded(
      "", [&] { return decode_rows(contents_->section(Section::kCaptions), contents_->texts); });
}

bool Pack::has_proposals_of(std::int64_t image_id) const {
  return contents_->pictures[contents_->row(image_id)].has_proposals;
}

std::vector<image::Rle> Pack::proposals_of(std::int64_t image_id) const {
  return guarded(cat("image_id ", image_id, ": "), [&] {
    const ImageRecord& record = index_->image(image_id);
    return decode_proposals(contents_->proposals(image_id), record.height, record.width);
  });
}

at::Tensor Pack::grid_of(std::int64_t image_id) const {
  return guarded(cat("image_id ", image_id, ": "), [&] {
    const PackedPicture& picture = contents_->pictures[contents_->row(image_id)];
    const std::string_view record =
        picture.has_proposals ? contents_->proposals(image_id) : std::string_view();
    return decode_grid(record, key_);
  });
}

std::int64_t Pack::texts() const { return static_cast<std::int64_t>(contents_->texts.size()); }

std::optional<text::Tokens> Pack::tokens_of(std::string_view text) const {
  Contents& all = *contents_;
  std::call_once(all.texts_indexed, [&] {
    all.text_at.reserve(all.texts.size());
    for (std::size_t row = 0; row < all.texts.size(); ++row) {
      all.text_at.emplace(all.texts[row].text, row);
    }
  });
  const auto found = all.text_at.find(text);
  if (found == all.text_at.end() || all.texts[found->second].tokens.empty()) return std::nullopt;
  return guarded("", [&] { return decode_tokens(all.texts[found->second], key_.text_length); });
}

void Pack::verify(std::int64_t image_id) const {
  contents_->compared[contents_->row(image_id)] = false;
  (void)picture(image_id);
  if (has_proposals_of(image_id)) (void)proposals_of(image_id);
  (void)grid_of(image_id);
}

bool Pack::is_fresh(std::int64_t image_id, const fs::path& folder) const {
  const PictureCheck check = contents_->check(contents_->row(image_id));
  return stamp_of(folder / index_->image(image_id).file_name) == check.file;
}

}  // namespace pcnet::data
