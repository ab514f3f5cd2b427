#include "torch_records.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include <c10/util/Exception.h>
#include <caffe2/serialize/inline_container.h>
#include <caffe2/serialize/read_adapter_interface.h>
#include <zlib.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::weights {

namespace {

using core::cat;

/// Text packs to a tenth of its size; far more than this is an attack on the memory.
constexpr std::uint64_t kLargestRatio = 100;
constexpr std::uint64_t kFreeSize = 1 << 20;

/// The file to LibTorch's reader, which is told when it asks beyond the end.
class MappedBytes : public caffe2::serialize::ReadAdapterInterface {
 public:
  explicit MappedBytes(std::string_view bytes) : bytes_(bytes) {}
  std::size_t size() const override { return bytes_.size(); }
  std::size_t read(std::uint64_t pos, void* buf, std::size_t n, const char* what) const override {
    if (pos > bytes_.size() || n > bytes_.size() - pos) {
      throw core::Error(cat("it ends within what it holds (", what, "; cut short?)"));
    }
    std::memcpy(buf, bytes_.data() + pos, n);
    return n;
  }

 private:
  std::string_view bytes_;
};

/// What is wrong, without where in LibTorch it was found and how that could be reported.
std::string reason_of(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  if (text.starts_with("[enforce fail"))
    text.remove_prefix(std::min(text.size(), text.find("] . ") + 4));
  for (const std::string_view more :
       {". This is an internal", " (Could this", " Exception raised"}) {
    text = text.substr(0, text.find(more));
  }
  return std::string(text);
}

/// A deflated record of that size; nothing when it is damaged, which LibTorch's reader hands out
/// as if it were whole.
std::optional<std::string> inflated(std::string_view packed, std::uint64_t size) {
  std::string out(size, '\0');
  z_stream stream = {};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return std::nullopt;
  std::uint64_t fed = 0;
  std::uint64_t taken = 0;
  int state = Z_OK;
  while (state == Z_OK) {  // zlib counts in 32 bits: piece by piece
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
  if (state != Z_STREAM_END || taken != out.size()) return std::nullopt;
  return out;
}

}  // namespace

template <class Ask>
auto TorchRecords::guarded(Ask ask) const {
  try {
    return ask();
  } catch (const c10::Error& error) {
    fail(cat("torch did not write it, or not all of it is there: ",
             reason_of(error.what_without_backtrace())));
  } catch (const core::Error& error) {
    fail(error.what());
  }
}

TorchRecords::TorchRecords(const SharedBytes& file, std::string_view name)
    : file_(file), name_(name) {
  guarded([&] {
    reader_ = std::make_unique<caffe2::serialize::PyTorchStreamReader>(
        std::make_shared<MappedBytes>(file_.bytes));
    names_ = reader_->getAllRecords();
  });
  std::sort(names_.begin(), names_.end());
  const auto twice = std::adjacent_find(names_.begin(), names_.end());
  if (twice != names_.end()) fail(cat("two records are called '", *twice, "'"));
}

TorchRecords::~TorchRecords() = default;

bool TorchRecords::has(const std::string& record) const {
  return std::binary_search(names_.begin(), names_.end(), record);
}

std::string TorchRecords::read(const std::string& record) {
  const Place place = find(record);
  const std::uint64_t left = file_.bytes.size() - place.begin;
  if (place.size > kFreeSize && place.size / kLargestRatio > left) {
    fail(cat("record '", record, "' claims to unpack from ", left, " bytes to ", place.size));
  }
  const std::string_view bytes = file_.bytes.substr(place.begin);
  if (!place.packed) return std::string(bytes.substr(0, place.size));
  auto unpacked = inflated(bytes, place.size);
  if (!unpacked) fail(cat("record '", record, "' does not unpack: it is damaged"));
  return std::move(*unpacked);
}

TorchRecords::Place TorchRecords::find(const std::string& record) {
  if (!has(record)) fail(cat("it has no record '", record, "'"));
  constexpr std::uint64_t kMethod = 8;  // where a record's own header says how it is packed
  return guarded([&] {
    const std::uint64_t header = reader_->getRecordHeaderOffset(record);
    Place place{.begin = reader_->getRecordOffset(record), .size = reader_->getRecordSize(record)};
    if (header > file_.bytes.size() - kMethod - 2 || place.begin > file_.bytes.size()) {
      throw core::Error(cat("record '", record, "' lies behind its end"));
    }
    place.packed = file_.bytes[header + kMethod] != 0 || file_.bytes[header + kMethod + 1] != 0;
    if (!place.packed && place.size > file_.bytes.size() - place.begin) {
      throw core::Error(
          cat("record '", record, "': its ", place.size, " bytes leave the archive (cut short?)"));
    }
    return place;
  });
}

void TorchRecords::fail(const std::string& what) const {
  throw core::Error(cat("weight file ", name_, ": ", what));
}

}  // namespace pcnet::weights
