#include <algorithm>
#include <set>

#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/json_scan.h"
#include "pcnet/weights/safetensors.h"

#include "mapped_tensor.h"
#include "safetensors_parser.h"
#include "safetensors_types.h"

namespace pcnet::weights {

namespace {

using core::cat;
using core::Error;
using Json = nlohmann::ordered_json;

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kLargestHeader = 100'000'000;

struct Entry {
  std::string name;
  c10::ScalarType type = c10::ScalarType::Undefined;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// Reads the header of one file; every fault names the file and the tensor.
class HeaderReader {
 public:
  HeaderReader(std::string_view bytes, std::string_view name) : bytes_(bytes), name_(name) {}

  void read() {
    if (bytes_.size() < kLengthBytes) {
      fail(cat("it has ", bytes_.size(), " bytes, wanted at least 8 (cut short?)"));
    }
    std::uint64_t length = 0;
    for (std::size_t i = kLengthBytes; i-- > 0;) {
      length = length << 8 | static_cast<unsigned char>(bytes_[i]);
    }
    if (length > kLargestHeader) {
      fail(cat("its header claims ", length, " bytes, wanted at most ", kLargestHeader,
               " (is this a safetensors file?)"));
    }
    if (length > bytes_.size() - kLengthBytes) {
      fail(cat("its header claims ", length, " bytes, only ", bytes_.size() - kLengthBytes,
               " follow (cut short?)"));
    }
    data_begin = kLengthBytes + length;
    read_json(parse(bytes_.substr(kLengthBytes, length)));
    check_layout();
  }

  std::vector<Entry> entries;
  std::map<std::string, std::string> metadata;
  std::uint64_t data_begin = 0;

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(cat("safetensors file ", name_, ": ", what));
  }
  [[noreturn]] void fail(const std::string& name, const std::string& what) const {
    fail(cat("tensor '", name, "': ", what));
  }

  Json parse(std::string_view text) const {
    Json header = parse_json(text);
    if (!header.is_object()) fail("its header is not a JSON object");
    std::set<std::string> names;
    core::JsonScanner scanner(text);
    scanner.members([&](const std::string& name) {
      if (!names.insert(name).second) fail(name, "it stands twice in the header");
      return !scanner.value().empty();
    });
    return header;
  }

  Json parse_json(std::string_view text) const {
    try {
      return core::parse_json<Json>(text);
    } catch (const core::Error& error) {
      fail(cat("its header is not JSON: ", error.what()));
    }
  }

  void read_json(const Json& header) {
    for (const auto& [name, item] : header.items()) {
      if (name == kSafetensorsMetadata) {
        read_metadata(item);
      } else {
        entries.push_back(read_entry(name, item));
      }
    }
  }

  void read_metadata(const Json& item) {
    if (!item.is_object()) fail("__metadata__ is not a JSON object");
    for (const auto& [key, value] : item.items()) {
      if (!value.is_string()) {
        fail(cat("__metadata__ '", key, "' is ", value.type_name(), ", wanted a string"));
      }
      metadata[key] = value.get<std::string>();
    }
  }

  Entry read_entry(const std::string& name, const Json& item) const {
    if (!item.is_object() || !item.contains("dtype") || !item.contains("shape") ||
        !item.contains("data_offsets")) {
      fail(name, "wanted an object with dtype, shape and data_offsets");
    }
    Entry entry;
    entry.name = name;
    entry.type = read_type(name, item["dtype"]);
    const Json& shape = item["shape"];
    if (!shape.is_array()) fail(name, "its shape is not a list");
    for (const auto& side : shape) {
      entry.shape.push_back(static_cast<std::int64_t>(read_count(name, "shape", side)));
    }
    const Json& offsets = item["data_offsets"];
    if (!offsets.is_array() || offsets.size() != 2) {
      fail(name, "its data_offsets are not two numbers");
    }
    entry.begin = read_count(name, "data_offsets", offsets[0]);
    entry.end = read_count(name, "data_offsets", offsets[1]);
    check_range(entry);
    return entry;
  }

  c10::ScalarType read_type(const std::string& name, const Json& dtype) const {
    for (const auto& known : kSafetensorsTypes) {
      if (dtype.is_string() && dtype.get_ref<const std::string&>() == known.name) return known.type;
    }
    fail(name, cat("unknown dtype ", core::json_text(dtype, {.ascii = true}), ", wanted one of ",
                   kSafetensorsTypeNames));
  }

  std::uint64_t read_count(const std::string& name, const char* what, const Json& number) const {
    const bool whole = number.is_number_unsigned() && number.get<std::uint64_t>() <= INT64_MAX;
    if (!whole) {
      fail(name, cat("its ", what, " hold ", core::json_text(number, {.ascii = true}),
                     ", wanted whole numbers ", "from 0 to 2^63 - 1"));
    }
    return number.get<std::uint64_t>();
  }

  void check_range(const Entry& entry) const {
    const std::uint64_t data = bytes_.size() - data_begin;
    if (entry.begin > entry.end || entry.end > data) {
      fail(entry.name, cat("its data_offsets ", entry.begin, " to ", entry.end,
                           " are not a range inside the ", data, " bytes of data (cut short?)"));
    }
    const auto bytes = view_bytes(entry.type, entry.shape, c_order(entry.shape), 0);
    if (!bytes) fail(entry.name, "its shape has more than 2^63 bytes");
    if (static_cast<std::uint64_t>(bytes->written_out) != entry.end - entry.begin) {
      fail(entry.name, cat("its dtype and shape need ", bytes->written_out,
                           " bytes, its data_offsets hold ", entry.end - entry.begin));
    }
  }

  /// The tensors must fill the data without holes and without overlap.
  void check_layout() const {
    std::vector<const Entry*> ordered;
    for (const auto& entry : entries) ordered.push_back(&entry);
    std::sort(ordered.begin(), ordered.end(), [](const Entry* a, const Entry* b) {
      return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
    });
    std::uint64_t filled = 0;
    for (const Entry* entry : ordered) {
      if (entry->begin != filled) {
        fail(entry->name, cat("its data start at ", entry->begin, ", wanted ", filled,
                              entry->begin < filled ? ": it overlaps the tensor before"
                                                    : ": there is a hole before it"));
      }
      filled = entry->end;
    }
    const std::uint64_t data = bytes_.size() - data_begin;
    if (filled != data) {
      fail(cat("its tensors fill ", filled, " bytes of data, the file holds ", data));
    }
  }

  std::string_view bytes_;
  std::string_view name_;
};

}  // namespace

const at::Tensor* TensorFile::find(const std::string& name) const {
  for (const auto& [known, tensor] : tensors) {
    if (known == name) return &tensor;
  }
  return nullptr;
}

TensorFile parse_safetensors(const SharedBytes& file, std::string_view name) {
  HeaderReader header(file.bytes, name);
  header.read();
  TensorFile result;
  result.metadata = std::move(header.metadata);
  for (const auto& entry : header.entries) {
    at::Tensor tensor = torch::empty({0}, at::TensorOptions().dtype(entry.type));
    if (entry.begin == entry.end) {
      tensor = torch::empty(entry.shape, tensor.options());
    } else {
      const ByteStorage bytes(file, header.data_begin + entry.begin, entry.end - entry.begin,
                              c10::elementSize(entry.type));
      tensor = bytes.whole(entry.type, entry.shape);
    }
    result.tensors.emplace_back(entry.name, std::move(tensor));
  }
  return result;
}

TensorFile read_safetensors(const std::filesystem::path& path) {
  return parse_safetensors(map_file(path), path.string());
}

}  // namespace pcnet::weights
