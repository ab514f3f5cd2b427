#include "pack_writer.h"

#include <algorithm>
#include <cstring>
#include <string>

#include <zlib.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/data/annotations/digest.h"

namespace pcnet::data {

namespace {

std::string_view bytes_of(const PackHeader& header) {
  return {reinterpret_cast<const char*>(&header), sizeof(header)};
}

std::string_view bytes_of(const std::vector<PictureCheck>& checks) {
  return {reinterpret_cast<const char*>(checks.data()), checks.size() * sizeof(PictureCheck)};
}

bool same_layout(const PackHeader& a, const PackHeader& b) {
  const auto same = [&](Section section) {
    return a[section].offset == b[section].offset && a[section].bytes == b[section].bytes &&
           a[section].checksum == b[section].checksum;
  };
  return a.version == b.version && a.pictures == b.pictures && a.picture_bytes == b.picture_bytes &&
         same(Section::kKey) && same(Section::kPictures);
}

}  // namespace

std::uint32_t header_checksum(const PackHeader& header) {
  constexpr std::size_t kBefore = offsetof(PackHeader, pictures);
  return checksum_of(bytes_of(header).substr(kBefore));
}

PackWriter::PackWriter(const std::filesystem::path& path, std::string_view key,
                       std::int64_t pictures, std::int64_t picture_bytes)
    : file_(path), checks_(static_cast<std::size_t>(pictures)) {
  lay_out(key, pictures, picture_bytes);
  if (take_over(key)) return;
  began_anew_ = file_.size() > 0;
  const std::string magic = file_.read(0, kUnfinishedMagic.size());
  const bool ours = magic == kUnfinishedMagic || magic == kWholeMagic ||
                    magic.find_first_not_of('\0') == std::string::npos;  // not even a header yet
  if (!ours) {
    throw core::Error(core::cat(file_.partial().string(),
                                " is there and is no unfinished pack: move it away, or choose "
                                "another --out"));
  }
  begin_anew(key);
}

void PackWriter::lay_out(std::string_view key, std::int64_t pictures, std::int64_t picture_bytes) {
  header_.pictures = static_cast<std::uint64_t>(pictures);
  header_.picture_bytes = static_cast<std::uint64_t>(picture_bytes);
  header_[Section::kKey] = {kPage, key.size(), checksum_of(key), 1};
  const std::uint64_t checks = next_page(kPage + key.size());
  header_[Section::kChecks] = {checks, bytes_of(checks_).size(), 0, 1};
  header_[Section::kPictures] = {next_page(checks + bytes_of(checks_).size()),
                                 header_.pictures * header_.picture_bytes, 0, 1};
  end_ = header_[Section::kPictures].offset + header_[Section::kPictures].bytes;
}

bool PackWriter::take_over(std::string_view key) {
  const std::string found = file_.read(0, sizeof(PackHeader));
  if (found.size() < sizeof(PackHeader)) return false;
  PackHeader header;
  std::memcpy(&header, found.data(), sizeof(header));
  const std::string_view magic(header.magic.data(), header.magic.size());
  // A whole one whose name was not changed any more has its pictures as well.
  if (magic != kUnfinishedMagic && magic != kWholeMagic) return false;
  if (!same_layout(header, header_) || file_.read(kPage, key.size()) != key) return false;
  const std::string checks = file_.read(header_[Section::kChecks].offset, bytes_of(checks_).size());
  if (checks.size() != bytes_of(checks_).size()) return false;
  std::memcpy(checks_.data(), checks.data(), checks.size());
  for (auto& check : checks_) {
    if (check.state == PictureState::kWhole) {
      ++left_over_;
    } else {
      check = {};  // a picture that could not be read is tried again
    }
  }
  file_.resize(end_);  // sections are written again; what lies between them shall be zero
  write_header(kUnfinishedMagic);
  return true;
}

void PackWriter::begin_anew(std::string_view key) {
  file_.resize(0);
  file_.write(kPage, key);
  file_.write(header_[Section::kChecks].offset, bytes_of(checks_));
  file_.resize(end_);
  write_header(kUnfinishedMagic);
}

void PackWriter::write_header(std::string_view magic) {
  std::copy(magic.begin(), magic.end(), header_.magic.begin());
  header_.checksum = header_checksum(header_);
  file_.write(0, bytes_of(header_));
}

std::uint64_t PackWriter::place_of(std::int64_t picture) const {
  return header_[Section::kPictures].offset +
         static_cast<std::uint64_t>(picture) * header_.picture_bytes;
}

bool PackWriter::holds(std::int64_t picture, const FileStamp& file) const {
  const PictureCheck& check = checks_[static_cast<std::size_t>(picture)];
  if (check.state != PictureState::kWhole || check.file != file) return false;
  const std::string bytes = file_.read(place_of(picture), header_.picture_bytes);
  return bytes.size() == header_.picture_bytes && checksum_of(bytes) == check.checksum;
}

void PackWriter::put(std::int64_t picture, const FileStamp& file, std::string_view bytes) {
  file_.write(place_of(picture), bytes);
  set_check(picture, {PictureState::kWhole, checksum_of(bytes), file});
}

void PackWriter::mark_unreadable(std::int64_t picture, const FileStamp& file) {
  set_check(picture, {PictureState::kUnreadable, 0, file});
}

void PackWriter::set_check(std::int64_t picture, PictureCheck check) {
  const auto at = static_cast<std::size_t>(picture);
  checks_[at] = check;
  file_.write(header_[Section::kChecks].offset + at * sizeof(check),
              {reinterpret_cast<const char*>(&check), sizeof(check)});
}

void PackWriter::begin(Section section) {
  section_ = section;
  end_ = next_page(end_);
  header_[section] = {end_, 0, 0, 1};
}

void PackWriter::append(std::string_view bytes) {
  SectionPlace& place = header_[section_];
  file_.write(end_, bytes);
  end_ += bytes.size();
  place.bytes += bytes.size();
  place.checksum = static_cast<std::uint32_t>(
      ::crc32_z(place.checksum, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

void PackWriter::commit() {
  header_[Section::kChecks].checksum = checksum_of(bytes_of(checks_));
  file_.resize(end_);
  file_.sync();  // the header last: it says that all the rest is there
  write_header(kWholeMagic);
  file_.commit();
}

}  // namespace pcnet::data
