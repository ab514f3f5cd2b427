#include "zip_reader.h"

#include <algorithm>
#include <numeric>

#include <zlib.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

#include "zip_format.h"

namespace pcnet::weights {

namespace {

using core::cat;

/// Text packs to a tenth of its size; far more than this is an attack on the memory.
constexpr std::uint64_t kLargestRatio = 100;
constexpr std::uint64_t kFreeSize = 1 << 20;

}  // namespace

ZipReader::ZipReader(std::string_view bytes, std::string_view name) : bytes_(bytes), name_(name) {
  const Directory directory = find_directory();
  check_directory(directory);
  std::uint64_t at = directory.begin;
  for (std::uint64_t i = 0; i < directory.count; ++i) {
    ZipMember member = read_entry(at, directory);
    if (!index_.emplace(member.name, members_.size()).second) {
      fail(cat("two members are called '", member.name, "'"));
    }
    members_.push_back(std::move(member));
  }
  if (at != directory.begin + directory.size) {
    fail(cat("its directory has ", directory.size, " bytes, its entries fill ",
             at - directory.begin));
  }
  check_overlap();
}

const ZipMember* ZipReader::find(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &members_[found->second];
}

void ZipReader::fail(const std::string& what) const {
  throw core::Error(cat("zip archive ", name_, ": ", what));
}

/// A little-endian number; whoever asks has checked that it lies inside the archive.
std::uint64_t ZipReader::number(std::uint64_t at, int bytes) const {
  std::uint64_t value = 0;
  for (int i = bytes; i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(bytes_[at + static_cast<std::uint64_t>(i)]);
  }
  return value;
}

ZipReader::Directory ZipReader::find_directory() const {
  const std::uint64_t size = bytes_.size();
  std::uint64_t end = size;
  for (std::uint64_t back = kZipEndBytes; back <= std::min(size, kZipEndBytes + kZip16); ++back) {
    const std::uint64_t at = size - back;
    if (number(at, 4) == kZipEnd && number(at + 20, 2) == back - kZipEndBytes) {
      end = at;
      break;
    }
  }
  if (end == size) fail("it has no directory at its end (cut short?)");
  Directory directory{.begin = number(end + 16, 4),
                      .size = number(end + 12, 4),
                      .count = number(end + 10, 2),
                      .end = end};
  const std::uint64_t disk = number(end + 4, 2);
  const std::uint64_t first_disk = number(end + 6, 2);
  const std::uint64_t here = number(end + 8, 2);
  // torch writes the 64-bit records into small archives too.
  if (end >= kZipLocatorBytes && number(end - kZipLocatorBytes, 4) == kZipLocator) {
    const Directory wide = wide_directory(end - kZipLocatorBytes);
    if ((directory.begin != kZip32 && directory.begin != wide.begin) ||
        (directory.size != kZip32 && directory.size != wide.size) ||
        (directory.count != kZip16 && directory.count != wide.count)) {
      fail("its two end records contradict one another");
    }
    return wide;
  }
  if (disk != 0 || first_disk != 0 || here != directory.count) {
    fail("it is one part of an archive in several, which is not read");
  }
  return directory;
}

ZipReader::Directory ZipReader::wide_directory(std::uint64_t locator) const {
  const std::uint64_t end = number(locator + 8, 8);
  if (number(locator + 4, 4) != 0 || number(locator + 16, 4) > 1) {
    fail("it is one part of an archive in several, which is not read");
  }
  if (locator < kZipWideEndBytes || end > locator - kZipWideEndBytes) {
    fail(cat("its 64-bit end record would start at ", end, ", its locator is at ", locator));
  }
  if (number(end, 4) != kZipWideEnd) fail(cat("there is no 64-bit end record at ", end));
  if (number(end + 16, 4) != 0 || number(end + 20, 4) != 0 ||
      number(end + 24, 8) != number(end + 32, 8)) {
    fail("it is one part of an archive in several, which is not read");
  }
  return {.begin = number(end + 48, 8),
          .size = number(end + 40, 8),
          .count = number(end + 32, 8),
          .end = end};
}

void ZipReader::check_directory(const Directory& directory) const {
  if (directory.begin > directory.end || directory.size != directory.end - directory.begin) {
    fail(cat("its directory of ", directory.size, " bytes at ", directory.begin,
             " does not end where its end record starts, at ", directory.end));
  }
  if (directory.count > directory.size / kZipEntryBytes) {
    fail(cat("its directory of ", directory.size, " bytes cannot hold ", directory.count,
             " members"));
  }
}

ZipMember ZipReader::read_entry(std::uint64_t& at, const Directory& directory) {
  const std::uint64_t left = directory.begin + directory.size - at;
  if (left < kZipEntryBytes || number(at, 4) != kZipEntry) {
    fail(cat("there is no directory entry at ", at));
  }
  const std::uint64_t name_bytes = number(at + 28, 2);
  const std::uint64_t extra_bytes = number(at + 30, 2);
  const std::uint64_t whole = kZipEntryBytes + name_bytes + extra_bytes + number(at + 32, 2);
  if (whole > left) fail(cat("the directory entry at ", at, " leaves the directory"));
  ZipMember member;
  member.name = bytes_.substr(at + kZipEntryBytes, name_bytes);
  member.stored = number(at + 20, 4);
  member.size = number(at + 24, 4);
  std::uint64_t header = number(at + 42, 4);
  read_wide_fields(member, header, at + kZipEntryBytes + name_bytes, extra_bytes);
  const std::uint64_t flags = number(at + 8, 2);
  const std::uint64_t method = number(at + 10, 2);
  if ((flags & kZipEncrypted) != 0) fail(cat("member '", member.name, "' is encrypted"));
  if (method != 0 && method != kZipDeflated) {
    fail(cat("member '", member.name, "' is packed by method ", method,
             ", wanted stored or deflated"));
  }
  member.deflated = method == kZipDeflated;
  if (!member.deflated && member.stored != member.size) {
    fail(cat("member '", member.name, "' is stored in ", member.stored, " bytes, its size is ",
             member.size));
  }
  check_local(member, header, flags, directory);
  headers_.push_back(header);
  at += whole;
  return member;
}

/// The 64-bit numbers stand in the extra field, each only where its 32-bit place is full.
void ZipReader::read_wide_fields(ZipMember& member, std::uint64_t& header, std::uint64_t at,
                                 std::uint64_t length) const {
  const std::uint64_t end = at + length;
  while (end - at >= 4) {
    const std::uint64_t kind = number(at, 2);
    const std::uint64_t size = number(at + 2, 2);
    at += 4;
    if (size > end - at) fail(cat("member '", member.name, "' has a torn extra field"));
    if (kind == kZipWideExtra) {
      std::uint64_t field = at;
      for (std::uint64_t* value : {&member.size, &member.stored, &header}) {
        if (*value != kZip32) continue;
        if (field + 8 > at + size) fail(cat("member '", member.name, "' lacks a 64-bit number"));
        *value = number(field, 8);
        field += 8;
      }
      return;
    }
    at += size;
  }
}

void ZipReader::check_local(ZipMember& member, std::uint64_t header, std::uint64_t flags,
                            const Directory& directory) const {
  const auto bad = [&](const std::string& what) {
    fail(cat("member '", member.name, "': ", what));
  };
  if (directory.begin < kZipLocalBytes || header > directory.begin - kZipLocalBytes) {
    bad(cat("its header would start at ", header, ", the members end at ", directory.begin));
  }
  if (number(header, 4) != kZipLocal) bad(cat("there is no member at ", header));
  const std::uint64_t name_bytes = number(header + 26, 2);
  const std::uint64_t extra_bytes = number(header + 28, 2);
  const std::uint64_t room = directory.begin - header - kZipLocalBytes;
  if (name_bytes + extra_bytes > room || member.stored > room - name_bytes - extra_bytes) {
    bad(cat("its ", member.stored, " bytes leave the archive (cut short?)"));
  }
  if (bytes_.substr(header + kZipLocalBytes, name_bytes) != member.name) {
    bad("its own header gives it another name");
  }
  if (number(header + 6, 2) != flags) bad("its own header gives it other flags");
  if ((number(header + 8, 2) == kZipDeflated) != member.deflated) {
    bad("its own header packs it another way");
  }
  ZipMember local;
  local.name = member.name;
  local.stored = number(header + 18, 4);
  local.size = number(header + 22, 4);
  std::uint64_t none = 0;
  read_wide_fields(local, none, header + kZipLocalBytes + name_bytes, extra_bytes);
  const bool later = (flags & kZipDescribed) != 0 && local.stored == 0 && local.size == 0;
  if (!later && (local.stored != member.stored || local.size != member.size)) {
    bad(cat("its own header says ", local.stored, " bytes of ", local.size, ", the directory ",
            member.stored, " of ", member.size));
  }
  member.begin = header + kZipLocalBytes + name_bytes + extra_bytes;
}

void ZipReader::check_overlap() const {
  std::vector<std::size_t> order(members_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return headers_[a] < headers_[b]; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const ZipMember& before = members_[order[i - 1]];
    if (before.begin + before.stored > headers_[order[i]]) {
      fail(cat("members '", before.name, "' and '", members_[order[i]].name, "' overlap"));
    }
  }
}

// Checksums are not compared: torch.save can leave them out, and torch.load does not look either.
std::string ZipReader::read(const ZipMember& member) const {
  const std::string_view packed = bytes_.substr(member.begin, member.stored);
  if (!member.deflated) return std::string(packed);
  if (member.size > kFreeSize && member.size / kLargestRatio > member.stored) {
    fail(cat("member '", member.name, "' claims to unpack from ", member.stored, " bytes to ",
             member.size));
  }
  std::string out(member.size, '\0');
  z_stream stream = {};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) fail("zlib does not start");
  // zlib counts in 32 bits; the loop feeds it in pieces.
  std::uint64_t fed = 0;
  std::uint64_t taken = 0;
  int state = Z_OK;
  while (state == Z_OK) {
    const auto feed = std::min<std::uint64_t>(packed.size() - fed, 1U << 30);
    const auto room = std::min<std::uint64_t>(out.size() - taken, 1U << 30);
    // zlib's interface is older than const.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data() + fed));
    stream.avail_in = static_cast<uInt>(feed);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + taken);
    stream.avail_out = static_cast<uInt>(room);
    state = inflate(&stream, Z_NO_FLUSH);
    fed += feed - stream.avail_in;
    taken += room - stream.avail_out;
  }
  inflateEnd(&stream);
  if (state != Z_STREAM_END || fed != packed.size() || taken != out.size()) {
    fail(cat("member '", member.name, "' does not unpack to ", member.size,
             " bytes: it is damaged"));
  }
  return out;
}

}  // namespace pcnet::weights
