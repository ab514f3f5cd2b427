#include "zip_writer.h"

#include <algorithm>

#include <zlib.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::weights {

namespace {

// The records of a zip archive: signatures and sizes without their variable parts.
constexpr std::uint64_t kZipLocal = 0x04034b50;
constexpr std::uint64_t kZipLocalBytes = 30;
constexpr std::uint64_t kZipEntry = 0x02014b50;
constexpr std::uint64_t kZipEnd = 0x06054b50;
constexpr std::uint64_t kZipWideEnd = 0x06064b50;
constexpr std::uint64_t kZipWideEndBytes = 56;
constexpr std::uint64_t kZipLocator = 0x07064b50;
constexpr std::uint64_t kZipDescriptor = 0x08074b50;
constexpr std::uint64_t kZipDescribed = 8;  // its sizes and checksum follow its data
constexpr std::uint64_t kZipUtf8 = 0x800;
constexpr std::uint64_t kZipWideExtra = 1;  // the extra field with 64-bit numbers
constexpr std::uint64_t kZip16 = 0xffff;    // these say: look for the 64-bit number
constexpr std::uint64_t kZip32 = 0xffffffff;

constexpr std::uint64_t kRecordAlignment = 64;
constexpr std::uint64_t kPadding = 0x4246;  // the extra field that torch pads with
constexpr std::uint64_t kFlags = kZipDescribed | kZipUtf8;
constexpr std::uint64_t kVersion = 45;  // of the format: with 64-bit numbers
constexpr std::uint64_t kDate = 0x21;   // 1 January 1980, the first that zip knows

/// Little-endian numbers one after the other.
class Record {
 public:
  Record& number(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) {
      text_.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
    }
    return *this;
  }
  Record& text(std::string_view bytes) {
    text_ += bytes;
    return *this;
  }
  const std::string& bytes() const { return text_; }

 private:
  std::string text_;
};

bool is_wide(std::uint64_t number) { return number >= kZip32; }

}  // namespace

void ZipWriter::put(const std::string& bytes) {
  file_.write(bytes);
  at_ += bytes.size();
}

void ZipWriter::start(const std::string& name, std::uint64_t size) {
  end_member();
  const bool wide = is_wide(size);
  Record extra;
  if (wide) extra.number(kZipWideExtra, 2).number(16, 2).number(size, 8).number(size, 8);
  const std::uint64_t data = at_ + kZipLocalBytes + name.size() + extra.bytes().size() + 4;
  const std::uint64_t padding = (kRecordAlignment - data % kRecordAlignment) % kRecordAlignment;
  extra.number(kPadding, 2).number(padding, 2).text(std::string(padding, '\0'));
  entries_.push_back({name, at_, size, 0});
  const std::uint64_t narrow = wide ? kZip32 : size;
  Record header;
  header.number(kZipLocal, 4).number(kVersion, 2).number(kFlags, 2).number(0, 2).number(0, 2);
  header.number(kDate, 2).number(0, 4).number(narrow, 4).number(narrow, 4);
  header.number(name.size(), 2).number(extra.bytes().size(), 2);
  put(header.text(name).text(extra.bytes()).bytes());
  appended_ = 0;
  open_ = true;
}

void ZipWriter::append(std::string_view bytes) {
  Entry& entry = entries_.back();
  entry.checksum = static_cast<std::uint32_t>(
      ::crc32_z(entry.checksum, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  file_.write(bytes);
  at_ += bytes.size();
  appended_ += bytes.size();
}

void ZipWriter::add(const std::string& name, std::string_view bytes) {
  start(name, bytes.size());
  append(bytes);
}

/// The checksum is known only behind the data.
void ZipWriter::end_member() {
  if (!open_) return;
  const Entry& entry = entries_.back();
  if (appended_ != entry.size) {
    throw core::Error(
        core::cat("member '", entry.name, "' got ", appended_, " bytes, wanted ", entry.size));
  }
  const int width = is_wide(entry.size) ? 8 : 4;
  Record record;
  record.number(kZipDescriptor, 4).number(entry.checksum, 4);
  put(record.number(entry.size, width).number(entry.size, width).bytes());
  open_ = false;
}

std::string ZipWriter::directory_entry(const Entry& entry) {
  Record wide;
  if (is_wide(entry.size)) wide.number(entry.size, 8).number(entry.size, 8);
  if (is_wide(entry.header)) wide.number(entry.header, 8);
  Record extra;
  if (!wide.bytes().empty()) {
    extra.number(kZipWideExtra, 2).number(wide.bytes().size(), 2).text(wide.bytes());
  }
  const std::uint64_t size = std::min(entry.size, kZip32);
  Record record;
  record.number(kZipEntry, 4).number(kVersion, 2).number(kVersion, 2).number(kFlags, 2);
  record.number(0, 2).number(0, 2).number(kDate, 2).number(entry.checksum, 4);
  record.number(size, 4).number(size, 4).number(entry.name.size(), 2);
  record.number(extra.bytes().size(), 2).number(0, 2).number(0, 2).number(0, 2).number(0, 4);
  record.number(std::min(entry.header, kZip32), 4);
  return record.text(entry.name).text(extra.bytes()).bytes();
}

void ZipWriter::finish() {
  end_member();
  const std::uint64_t begin = at_;
  for (const auto& entry : entries_) put(directory_entry(entry));
  const std::uint64_t size = at_ - begin;
  const std::uint64_t count = entries_.size();
  if (is_wide(begin) || is_wide(size) || count >= kZip16) {
    Record wide;
    wide.number(kZipWideEnd, 4).number(kZipWideEndBytes - 12, 8).number(kVersion, 2);
    wide.number(kVersion, 2).number(0, 4).number(0, 4).number(count, 8).number(count, 8);
    wide.number(size, 8).number(begin, 8);
    wide.number(kZipLocator, 4).number(0, 4).number(at_, 8).number(1, 4);
    put(wide.bytes());
  }
  Record end;
  end.number(kZipEnd, 4).number(0, 2).number(0, 2);
  end.number(std::min(count, kZip16), 2).number(std::min(count, kZip16), 2);
  end.number(std::min(size, kZip32), 4).number(std::min(begin, kZip32), 4).number(0, 2);
  put(end.bytes());
}

}  // namespace pcnet::weights
