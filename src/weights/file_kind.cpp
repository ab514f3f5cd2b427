#include "file_kind.h"

#include <algorithm>
#include <array>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::weights {

namespace {

using namespace std::string_view_literals;
using core::cat;

struct Foreign {
  std::size_t at;
  std::string_view magic;
  std::string_view what;
};

constexpr auto kForeign = std::to_array<Foreign>({
    {2, "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv,
     "it is a file of torch before 1.6; load it in Python and torch.save it again"},
    {257, "ustar"sv,
     "it is a tar archive, perhaps of torch before 0.2; load it in Python and torch.save it again"},
    {0, "version https://git-lfs"sv,
     "it is a git-lfs pointer, not the file it stands for: run git lfs pull"},
    {0, "\x93NUMPY"sv, "it is a NumPy array, wanted a file of torch.save or safetensors"},
    {0, "\x1f\x8b"sv, "it is compressed by gzip: unpack it with gunzip first"},
    {0, "\xfd\x37zXZ"sv, "it is compressed by xz: unpack it with unxz first"},
    {0, "\x28\xb5\x2f\xfd"sv, "it is compressed by zstd: unpack it with unzstd first"},
    {0, "BZh"sv, "it is compressed by bzip2: unpack it with bunzip2 first"},
    {0, "7z\xbc\xaf"sv, "it is a 7z archive: unpack it first"},
    {0, "Rar!"sv, "it is a rar archive: unpack it first"},
    {0, "\x89HDF\r\n\x1a\n"sv,
     "it is HDF5 (Keras or TensorFlow), wanted a file of torch.save or safetensors"},
    {0, "GGUF"sv, "it is GGUF, wanted a file of torch.save or safetensors"},
});

/// Words that web pages start with, in small letters.
constexpr auto kPages = std::to_array<std::string_view>({"<!doctype", "<html", "<?xml", "<head"});

std::string start_in_small_letters(std::string_view bytes) {
  const std::size_t at = bytes.substr(0, 512).find_first_not_of(" \t\r\n\xef\xbb\xbf");
  std::string start(at == std::string_view::npos ? "" : bytes.substr(at, 16));
  for (char& c : start) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return start;
}

/// An ONNX model is a protobuf message whose first fields are a version and a producer.
bool is_onnx(std::string_view bytes, std::string_view name) {
  const bool known = bytes.size() > 3 && bytes[0] == '\x08' && bytes[1] > 0 && bytes[1] < 32 &&
                     (bytes[2] == '\x12' || bytes[2] == '\x3a');
  return known || name.ends_with(".onnx");
}

bool is_tensorflow(std::string_view name) {
  return name.ends_with(".pb") || name.ends_with(".ckpt") || name.ends_with(".tflite") ||
         name.find(".ckpt.data-") != std::string_view::npos || name.ends_with(".ckpt.index");
}

/// A zip archive whose first member is an array.
bool is_npz(std::string_view bytes) {
  constexpr std::size_t kName = 30;  // of the member, behind its header
  if (bytes.size() < kName) return false;
  const auto length = static_cast<unsigned char>(bytes[26]);
  return bytes.substr(kName, length).ends_with(".npy");
}

/// What a file is that pcnet does not read; empty when unknown.
std::string_view foreign_kind(std::string_view bytes, std::string_view name) {
  for (const auto& foreign : kForeign) {
    if (bytes.size() > foreign.at && bytes.substr(foreign.at).starts_with(foreign.magic)) {
      return foreign.what;
    }
  }
  const std::string start = start_in_small_letters(bytes);
  for (const auto& page : kPages) {
    if (start.starts_with(page)) {
      return "it is a web page, not weights: the download failed or asked for something";
    }
  }
  if (bytes.starts_with('\x80')) {
    return "it is a bare pickle, wanted a file of torch.save or safetensors";
  }
  if (is_onnx(bytes, name))
    return "it is an ONNX model, wanted a file of torch.save or safetensors";
  if (is_tensorflow(name)) return "it is TensorFlow's, wanted a file of torch.save or safetensors";
  return {};
}

}  // namespace

FileKind find_file_kind(std::string_view bytes, std::string_view name) {
  const auto fault = [&](std::string_view what) {
    return core::Error(cat("cannot read the weights ", name, ": ", what));
  };
  if (bytes.empty()) throw fault("it is empty");
  if (bytes.starts_with("PK\x03\x04"sv) && is_npz(bytes)) {
    throw fault("it is NumPy's .npz, wanted a file of torch.save or safetensors");
  }
  if (bytes.starts_with("PK\x03\x04"sv) || bytes.starts_with("PK\x05\x06"sv)) return FileKind::kZip;
  // A safetensors header is JSON behind eight bytes of its length, of which the last are 0.
  if (bytes.size() > 8 && bytes[8] == '{' && bytes.substr(4, 4) == "\0\0\0\0"sv) {
    return FileKind::kSafetensors;
  }
  if (start_in_small_letters(bytes).starts_with('{')) return FileKind::kSafetensorsIndex;
  const std::string_view foreign = foreign_kind(bytes, name);
  if (!foreign.empty()) throw fault(foreign);
  if (name.ends_with(".safetensors"))
    return FileKind::kSafetensors;  // its reader says what is torn
  throw fault("it is neither safetensors nor a file of torch.save or torch.jit.save");
}

}  // namespace pcnet::weights
