#include "torch_archive.h"

#include <map>

#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

#include "flatten.h"
#include "mapped_tensor.h"
#include "safetensors_types.h"
#include "torch_pickle.h"
#include "zip_reader.h"

namespace pcnet::weights {

namespace {

using core::cat;
using core::Error;

constexpr std::string_view kPickle = "data.pkl";

/// Views may repeat elements; far more of them than the file has bytes are an attack on the disk.
constexpr std::int64_t kLargestExpansion = 16;
constexpr std::int64_t kFreeExpansion = 64 << 20;

/// One archive: its folder, its storages, its tensors.
class TorchArchive {
 public:
  TorchArchive(const SharedBytes& file, std::string_view name)
      : file_(file),
        name_(name),
        zip_(file.bytes, name),
        most_bytes_(static_cast<std::int64_t>(file.bytes.size()) * kLargestExpansion +
                    kFreeExpansion) {}

  WeightFile read() {
    folder_ = find_folder();
    check_byte_order();
    const std::string pickle = read_member(std::string(kPickle));
    const std::string pickle_name = cat(name_, " (", kPickle, ")");
    const TorchPickle parsed = read_torch_pickle(pickle, pickle_name);
    const auto build = [this](const PickledTensor& tensor, const std::string& name) {
      return build_tensor(tensor, name);
    };
    Flat flat = flatten(parsed, build, pickle.size() * 100 + (1 << 24));
    const bool has_keys = !flat.tensors.empty() || !flat.values.empty();
    if (!has_keys && flat.opaque.size() == 1 && flat.opaque[0].first.empty()) {
      fail(cat("it holds nothing but ", flat.opaque[0].second, ", which is not read: load it in ",
               "Python where you trust it and save its state dict alone"));
    }
    WeightFile result;
    result.container = is_script() ? Container::kTorchScript : Container::kTorchZip;
    result.content.tensors = std::move(flat.tensors);
    result.values = std::move(flat.values);
    result.opaque = std::move(flat.opaque);
    result.hidden_tensors = flat.hidden_tensors;
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(cat("weight file ", name_, ": ", what));
  }

  /// Every member lies in one folder, named after the file that was written.
  std::string find_folder() const {
    std::string folder;
    std::size_t found = 0;
    for (const auto& member : zip_.members()) {
      const std::size_t slash = member.name.find('/');
      if (slash == std::string::npos || member.name.substr(slash + 1) != kPickle) continue;
      folder = member.name.substr(0, slash + 1);
      ++found;
    }
    if (found == 1) return folder;
    if (found > 1) fail(cat("it holds ", found, " times ", kPickle, ", wanted one"));
    for (const auto& member : zip_.members()) {
      if (member.name.ends_with(".npy")) {
        fail("it is NumPy's .npz, wanted a file of torch.save or safetensors");
      }
    }
    fail(cat("it is a zip archive without <name>/", kPickle, ": torch did not write it"));
  }

  bool is_script() const {
    for (const auto& member : zip_.members()) {
      if (member.name.starts_with(folder_ + "code/")) return true;
    }
    return zip_.find(folder_ + "constants.pkl") != nullptr;
  }

  std::string read_member(const std::string& member) const {
    return zip_.read(*zip_.find(folder_ + member));
  }

  void check_byte_order() const {
    if (zip_.find(folder_ + "byteorder") == nullptr) return;  // torch before 2.1 wrote none
    const std::string order = read_member("byteorder");
    if (order == "little") return;
    fail(cat("its numbers are ", order.substr(0, 20),
             "-endian, wanted little: load it in Python and save it on this machine"));
  }

  at::Tensor build_tensor(const PickledTensor& tensor, const std::string& name) {
    const auto bad = [&](const std::string& what) { fail(cat("tensor '", name, "': ", what)); };
    if (tensor.type == c10::ScalarType::Undefined) {
      bad(cat("its dtype is ", tensor.type_name, ", wanted one of ", kSafetensorsTypeNames));
    }
    const auto bytes = view_bytes(tensor.type, tensor.shape, tensor.strides, tensor.offset);
    if (!bytes) {
      bad(cat("its offset ", tensor.offset, ", shape ", at::IntArrayRef(tensor.shape),
              " and strides ", at::IntArrayRef(tensor.strides),
              " are negative, unequal or beyond 2^63 bytes"));
    }
    const ZipMember& member = storage_member(tensor.storage, name);
    if (static_cast<std::uint64_t>(bytes->reach) > claimed_bytes(tensor.storage, name)) {
      bad(cat("its shape ", at::IntArrayRef(tensor.shape), " with strides ",
              at::IntArrayRef(tensor.strides), " from ", tensor.offset, " needs ", bytes->reach,
              " bytes, its storage '", tensor.storage.key, "' has ", member.size));
    }
    if (bytes->written_out == 0) {
      return torch::empty(tensor.shape, at::TensorOptions().dtype(tensor.type));
    }
    most_bytes_ -= bytes->written_out;
    if (bytes->written_out > most_bytes_ + bytes->written_out || most_bytes_ < 0) {
      bad(cat("its ", bytes->written_out, " bytes repeat far more than the file holds"));
    }
    const auto [place, is_new] = storages_.try_emplace(tensor.storage.key);
    if (is_new) place->second.emplace(file_, member.begin, member.size);
    return place->second->view(tensor.type, tensor.shape, tensor.strides, tensor.offset);
  }

  const ZipMember& storage_member(const PickledStorage& storage, const std::string& name) const {
    const std::string path = cat(folder_, "data/", storage.key);
    const ZipMember* member = zip_.find(path);
    if (member == nullptr) fail(cat("tensor '", name, "': the archive has no member '", path, "'"));
    if (member->deflated) {
      fail(cat("tensor '", name, "': member '", path, "' is compressed, wanted it stored"));
    }
    return *member;
  }

  /// The bytes that the pickle gives the storage, which the archive must have.
  std::uint64_t claimed_bytes(const PickledStorage& storage, const std::string& name) const {
    const ZipMember& member = storage_member(storage, name);
    const std::uint64_t element =
        storage.type == c10::ScalarType::Undefined ? 1 : c10::elementSize(storage.type);
    if (static_cast<std::uint64_t>(storage.count) > member.size / element) {
      fail(cat("tensor '", name, "': its storage '", storage.key, "' should hold ", storage.count,
               " elements of ", element, " bytes, the archive has ", member.size, " bytes"));
    }
    return static_cast<std::uint64_t>(storage.count) * element;
  }

  SharedBytes file_;
  std::string_view name_;
  ZipReader zip_;
  std::int64_t most_bytes_;
  std::string folder_;
  std::map<std::string, std::optional<ByteStorage>> storages_;
};

}  // namespace

WeightFile parse_torch_zip(const SharedBytes& file, std::string_view name) {
  return TorchArchive(file, name).read();
}

}  // namespace pcnet::weights
