#include "pcnet/weights/weight_file.h"

#include <algorithm>

#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/folders.h"
#include "pcnet/core/format.h"

#include "file_kind.h"
#include "safetensors_parser.h"
#include "sharded_safetensors.h"
#include "torch_archive.h"

namespace pcnet::weights {

namespace {

using core::cat;
using core::Error;
namespace fs = std::filesystem;

constexpr std::int64_t kCopiedBytes = 8 << 20;  // copied between two releases

/// The weight file that a directory is: its only index, else its only safetensors file.
fs::path file_of_directory(const fs::path& directory) {
  std::vector<fs::path> indices;
  std::vector<fs::path> files;
  for (const auto& entry : core::list_folder(directory)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".safetensors.index.json")) indices.push_back(entry.path());
    if (name.ends_with(".safetensors")) files.push_back(entry.path());
  }
  if (indices.size() == 1) return indices[0];
  if (indices.empty() && files.size() == 1) return files[0];
  throw Error(cat("the folder ", directory.string(), " holds ", indices.size(),
                  " .safetensors.index.json and ", files.size(),
                  " .safetensors, wanted one index or one file: name the file"));
}

void check_copy(const at::Tensor& from, const at::Tensor& into) {
  if (from.sizes() != into.sizes()) {
    throw Error(cat("cannot copy weights of shape ", from.sizes(), " into ", into.sizes()));
  }
  const bool loses = from.is_floating_point() && !into.is_floating_point();
  if (loses) {
    throw Error(cat("cannot copy weights of type ", c10::toString(from.scalar_type()), " into ",
                    c10::toString(into.scalar_type()), ": fractions would be lost"));
  }
}

}  // namespace

std::string to_string(Container container) {
  switch (container) {
    case Container::kSafetensors:
      return "safetensors";
    case Container::kShardedSafetensors:
      return "safetensors in shards";
    case Container::kTorchZip:
      return "PyTorch checkpoint (zip)";
    case Container::kTorchScript:
      return "TorchScript archive";
  }
  return "unknown";
}

std::string hidden_tensors_note(const WeightFile& file) {
  if (file.hidden_tensors == 0) return {};
  return cat(file.hidden_tensors,
             " of its tensors lie within objects, which are not read: load it in Python where you "
             "trust it and save the state dict alone");
}

WeightFile open_weights(const fs::path& path) {
  std::error_code ignored;
  const fs::path file = fs::is_directory(path, ignored) ? file_of_directory(path) : path;
  const std::string name = file.string();
  const SharedBytes bytes = map_file(file);
  WeightFile result;
  switch (find_file_kind(bytes.bytes, name)) {
    case FileKind::kZip:
      result = parse_torch_zip(bytes, name);
      break;
    case FileKind::kSafetensors:
      result.content = parse_safetensors(bytes, name);
      break;
    case FileKind::kSafetensorsIndex:
      result.container = Container::kShardedSafetensors;
      result.content = read_shards(bytes.bytes, file);
      break;
  }
  result.path = file;
  return result;
}

void copy_weights(const at::Tensor& from, const at::Tensor& into) {
  check_copy(from, into);
  const at::NoGradGuard no_grad;
  if (from.dim() == 0) {
    into.copy_(from);
    return;
  }
  const std::int64_t rows = from.size(0);
  const auto bytes = static_cast<std::int64_t>(from.nbytes());
  const std::int64_t row_bytes = rows == 0 ? 1 : std::max<std::int64_t>(bytes / rows, 1);
  const std::int64_t step = std::max<std::int64_t>(kCopiedBytes / row_bytes, 1);
  for (std::int64_t row = 0; row < rows; row += step) {
    const std::int64_t count = std::min(step, rows - row);
    const at::Tensor part = from.narrow(0, row, count);
    into.narrow(0, row, count).copy_(part);
    release_pages(part);
  }
  release_pages(from);  // also the pages at the borders of two parts
}

}  // namespace pcnet::weights
