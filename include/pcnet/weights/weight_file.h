#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "pcnet/weights/safetensors.h"

namespace pcnet::weights {

/// The formats that weights are published in.
enum class Container {
  kSafetensors,         ///< one `.safetensors`
  kShardedSafetensors,  ///< a `.safetensors.index.json` with its shards
  kTorchZip,            ///< torch.save since 1.6: a zip with `data.pkl` (`.pt`, `.pth`)
  kTorchScript,         ///< torch.jit.save: the same with `code/` (OpenAI's `RN50.pt`)
};

/// The format in words, e.g. "PyTorch checkpoint (zip)".
std::string to_string(Container container);

/// A weight file, opened. Tensors are mapped, not read, and keep the file's own types; their names
/// are the keys on the way to them, joined with dots (`model.backbone.visual.conv1.weight`).
struct WeightFile {
  std::filesystem::path path;
  Container container = Container::kSafetensors;
  TensorFile content;
  /// What stands beside the tensors, as text: ("epoch", "15"), ("args.lr", "5e-05").
  std::vector<std::pair<std::string, std::string>> values;
  /// What is neither tensor nor plain data, with its type: ("args.root", "pathlib.PosixPath"). It
  /// is not read, and nor is what it is made of.
  std::vector<std::pair<std::string, std::string>> opaque;
  std::size_t hidden_tensors = 0;  ///< that lie within these
};

/// How many tensors are hidden and what to do, in one line; empty when there is none.
std::string hidden_tensors_note(const WeightFile& file);

/// Opens a weight file of any known format. Pickles are data only: the tensor builders of torch and
/// plain containers are known, what any other name makes is opaque, and nothing is ever called. An
/// Error for a directory without an index, an empty or torn file,
/// the tar and pickle layouts of torch before 1.6, and what is no weight file.
WeightFile open_weights(const std::filesystem::path& path);

/// Writes `torch.load`-able bytes, a core::AtomicFile: a zip with an OrderedDict of the tensors, in
/// order and with their types; where `key` is not empty, under that key of a dict ("model") beside
/// the `extra` entries, which are integers or None.
struct PthLayout {
  std::string key;
  std::vector<std::pair<std::string, std::int64_t>> numbers;  ///< e.g. ("epoch", 0)
  std::vector<std::string> empty;                             ///< keys that hold an empty dict
};
/// @return bytes of the file
std::uint64_t write_pth(const std::filesystem::path& path, const TensorFile& file,
                        const PthLayout& layout = {}, const WriteOptions& options = {});

/// Copies one tensor into another of its shape, converting the type (fp16, bf16 -> fp32). Pages of
/// a mapped file that were read for it are given back, so that a large file is never resident
/// twice.
void copy_weights(const at::Tensor& from, const at::Tensor& into);

/// Gives back the resident pages of a mapped tensor; the next reading fetches them again. A tensor
/// in ordinary memory, or one that an operation has written to, stays as it is.
void release_pages(const at::Tensor& tensor);

}  // namespace pcnet::weights
