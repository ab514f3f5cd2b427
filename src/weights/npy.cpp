#include "pcnet/weights/npy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <numeric>
#include <optional>

#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"

#include "numpy_number.h"

namespace pcnet::weights {

namespace {

using core::cat;
using core::Error;

constexpr std::string_view kMagic = "\x93NUMPY";

struct NpyType {
  std::string_view descr;
  c10::ScalarType type;
};

constexpr std::array<NpyType, 5> kTypes = {{
    {"<f4", c10::ScalarType::Float},
    {"<f8", c10::ScalarType::Double},
    {"<i8", c10::ScalarType::Long},
    {"|u1", c10::ScalarType::Byte},
    {"|b1", c10::ScalarType::Bool},
}};

constexpr std::string_view kTypeNames = "<f4, <f8, <i8, |u1, |b1";

/// Scans the Python dict of a `.npy` header. Each function answers whether it found its part.
class DictScanner {
 public:
  explicit DictScanner(std::string_view text) : rest_(text) {}

  bool symbol(std::string_view wanted) {
    skip_spaces();
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(wanted.size());
    return true;
  }

  std::optional<std::string> text() {
    skip_spaces();
    if (rest_.empty() || (rest_[0] != '\'' && rest_[0] != '"')) return std::nullopt;
    const std::size_t end = rest_.find(rest_[0], 1);
    if (end == std::string_view::npos) return std::nullopt;
    std::string found(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return found;
  }

  std::optional<std::vector<std::int64_t>> shape() {
    std::vector<std::int64_t> sides;
    if (!symbol("(")) return std::nullopt;
    while (!symbol(")")) {
      skip_spaces();
      std::int64_t side = -1;
      const auto [stop, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), side);
      if (error != std::errc() || side < 0) return std::nullopt;
      rest_.remove_prefix(static_cast<std::size_t>(stop - rest_.data()));
      symbol("L");  // Python 2 writes long numbers so
      sides.push_back(side);
      if (!symbol(",") && !DictScanner(rest_).symbol(")")) return std::nullopt;
    }
    return sides;
  }

  bool at_end() {
    skip_spaces();
    return rest_.empty();
  }

 private:
  void skip_spaces() {
    const std::size_t at = rest_.find_first_not_of(" \n");
    rest_.remove_prefix(at == std::string_view::npos ? rest_.size() : at);
  }
  std::string_view rest_;
};

struct NpyHeader {
  std::optional<std::string> descr;
  std::optional<std::vector<std::int64_t>> shape;
  std::optional<bool> fortran_order;
};

std::optional<NpyHeader> parse_header(std::string_view text) {
  DictScanner scan(text);
  NpyHeader header;
  if (!scan.symbol("{")) return std::nullopt;
  while (!scan.symbol("}")) {
    const auto key = scan.text();
    if (!key || !scan.symbol(":")) return std::nullopt;
    if (*key == "descr") {
      header.descr = scan.text();
    } else if (*key == "shape") {
      header.shape = scan.shape();
    } else if (*key == "fortran_order") {
      const bool yes = scan.symbol("True");
      if (!yes && !scan.symbol("False")) return std::nullopt;
      header.fortran_order = yes;
    } else {
      return std::nullopt;
    }
    scan.symbol(",");
  }
  if (!scan.at_end() || !header.descr || !header.shape || !header.fortran_order) {
    return std::nullopt;
  }
  return header;
}

/// The text of the header and the place where the data begin.
std::pair<std::string_view, std::size_t> find_header(std::string_view bytes) {
  if (!bytes.starts_with(kMagic)) throw Error("it does not start as a NumPy file does");
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  if (bytes.size() < 12) throw Error("it is cut short inside its header");
  const int version = byte(6);
  if ((version != 1 && version != 2) || byte(7) != 0) {
    throw Error(
        cat("it is of version ", version, ".", static_cast<int>(byte(7)), ", wanted 1.0 or 2.0"));
  }
  const std::size_t begin = version == 1 ? 10 : 12;
  std::size_t length = 0;
  for (std::size_t i = begin; i-- > 8;) length = length << 8 | byte(i);
  if (length > bytes.size() - begin) {
    throw Error(cat("its header claims ", length, " bytes, only ", bytes.size() - begin,
                    " follow (cut short?)"));
  }
  return {bytes.substr(begin, length), begin + length};
}

at::Tensor decode(std::string_view bytes) {
  const auto [text, begin] = find_header(bytes);
  auto header = parse_header(text);
  if (!header) throw Error(cat("its header cannot be read: ", text.substr(0, 120)));
  auto type = c10::ScalarType::Undefined;
  for (const auto& known : kTypes) {
    if (known.descr == *header->descr) type = known.type;
  }
  if (type == c10::ScalarType::Undefined) {
    throw Error(cat("its type is ", *header->descr, ", wanted one of ", kTypeNames));
  }
  if (header->shape->size() > kMostSides) {
    throw Error(
        cat("its shape has ", header->shape->size(), " sides, wanted at most ", kMostSides));
  }
  auto needed = static_cast<std::int64_t>(c10::elementSize(type));
  bool overflow = false;
  for (const std::int64_t side : *header->shape) {
    overflow = __builtin_mul_overflow(needed, side, &needed) || overflow;
  }
  const std::size_t held = bytes.size() - begin;
  if (overflow || static_cast<std::uint64_t>(needed) != held) {
    throw Error(cat("its type and shape need ", overflow ? "more than 2^63" : cat(needed),
                    " bytes, the file holds ", held));
  }
  if (*header->fortran_order) std::reverse(header->shape->begin(), header->shape->end());
  at::Tensor tensor = torch::empty(*header->shape, at::TensorOptions().dtype(type));
  if (held > 0) std::memcpy(tensor.data_ptr(), bytes.data() + begin, held);
  if (!*header->fortran_order) return tensor;
  std::vector<std::int64_t> sides(header->shape->size());
  std::iota(sides.rbegin(), sides.rend(), std::int64_t{0});
  return tensor.permute(sides).contiguous();  // the first side's elements lie together
}

std::string header_text(std::string_view descr, at::IntArrayRef shape) {
  std::string sides;
  for (const std::int64_t side : shape) sides += cat(sides.empty() ? "" : " ", side, ",");
  if (shape.size() > 1) sides.pop_back();
  std::string text =
      cat("{'descr': '", descr, "', 'fortran_order': False, 'shape': (", sides, "), }");
  const std::size_t before = kMagic.size() + 4;
  text.resize((before + text.size() + 1 + 63) / 64 * 64 - before - 1, ' ');
  return text + '\n';
}

}  // namespace

void write_npy(const std::filesystem::path& path, const at::Tensor& tensor) {
  std::string_view descr;
  for (const auto& known : kTypes) {
    if (known.type == tensor.scalar_type()) descr = known.descr;
  }
  if (descr.empty()) {
    throw Error(cat("cannot write ", path.string(), ": a tensor of ",
                    c10::toString(tensor.scalar_type()), ", wanted one of ", kTypeNames));
  }
  const std::string header = header_text(descr, tensor.sizes());
  if (header.size() > 0xffff) {
    throw Error(cat("cannot write ", path.string(), ": a shape of ", tensor.dim(), " sides"));
  }
  const at::Tensor data = tensor.detach().to(at::kCPU).contiguous();
  core::AtomicFile file(path);
  file.write(kMagic);
  const std::array<unsigned char, 4> version_and_length = {
      1, 0, static_cast<unsigned char>(header.size() & 0xff),
      static_cast<unsigned char>(header.size() >> 8)};
  file.write(version_and_length.data(), version_and_length.size());
  file.write(header);
  if (data.nbytes() > 0) file.write(data.const_data_ptr(), data.nbytes());
  file.commit(core::Sync::kLater);
}

at::Tensor parse_npy(std::string_view bytes, std::string_view name) {
  try {
    return decode(bytes);
  } catch (const Error& error) {
    throw Error(cat("cannot read the NumPy file ", name, ": ", error.what()));
  }
}

at::Tensor read_npy(const std::filesystem::path& path) {
  return parse_npy(core::read_file(path), path.string());
}

}  // namespace pcnet::weights
