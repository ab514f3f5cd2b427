#include "torch_archive.h"

#include <algorithm>
#include <map>

#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

#include "flatten.h"
#include "mapped_tensor.h"
#include "safetensors_types.h"
#include "torch_pickle.h"
#include "torch_records.h"

namespace pcnet::weights {

namespace {

using core::cat;
using core::Error;

const std::string kPickle = "data.pkl";

/// Views may repeat elements; far more of them than the file has bytes are an attack on the disk.
constexpr std::int64_t kLargestInflation = 16;
constexpr std::int64_t kFreeInflation = 64 << 20;

/// One archive: its folder, its storages, its tensors.
class TorchArchive {
 public:
  TorchArchive(const SharedBytes& file, std::string_view name)
      : file_(file),
        name_(name),
        records_(file, name),
        most_bytes_(static_cast<std::int64_t>(file.bytes.size()) * kLargestInflation +
                    kFreeInflation) {}

  WeightFile read() {
    check_byte_order();
    if (!records_.has(kPickle)) fail(cat("it has no ", kPickle, ": torch did not write it"));
    const std::string pickle = records_.read(kPickle);
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

  bool is_script() const {
    const auto is_code = [](const std::string& record) { return record.starts_with("code/"); };
    return records_.has("constants.pkl") || std::ranges::any_of(records_.names(), is_code);
  }

  void check_byte_order() {
    if (!records_.has("byteorder")) return;  // torch before 2.1 wrote none
    const std::string order = records_.read("byteorder");
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
    const TorchRecords::Place place = storage_place(tensor.storage, name);
    if (static_cast<std::uint64_t>(bytes->reach) > claimed_bytes(tensor.storage, place, name)) {
      bad(cat("its shape ", at::IntArrayRef(tensor.shape), " with strides ",
              at::IntArrayRef(tensor.strides), " from ", tensor.offset, " needs ", bytes->reach,
              " bytes, its storage '", tensor.storage.key, "' has ", place.size));
    }
    if (bytes->written_out == 0) {
      return torch::empty(tensor.shape, at::TensorOptions().dtype(tensor.type));
    }
    most_bytes_ -= bytes->written_out;
    if (bytes->written_out > most_bytes_ + bytes->written_out || most_bytes_ < 0) {
      bad(cat("its ", bytes->written_out, " bytes repeat far more than the file holds"));
    }
    const auto [storage, is_new] = storages_.try_emplace(tensor.storage.key);
    if (is_new) storage->second.emplace(file_, place.begin, place.size);
    return storage->second->view(tensor.type, tensor.shape, tensor.strides, tensor.offset);
  }

  TorchRecords::Place storage_place(const PickledStorage& storage, const std::string& name) {
    const std::string record = cat("data/", storage.key);
    if (!records_.has(record)) {
      fail(cat("tensor '", name, "': the archive has no record '", record, "'"));
    }
    const TorchRecords::Place place = records_.find(record);
    if (place.packed) {
      fail(cat("tensor '", name, "': record '", record, "' is compressed, wanted it stored"));
    }
    return place;
  }

  /// The bytes that the pickle gives the storage, which the archive must have.
  std::uint64_t claimed_bytes(const PickledStorage& storage, const TorchRecords::Place& place,
                              const std::string& name) const {
    const std::uint64_t element =
        storage.type == c10::ScalarType::Undefined ? 1 : c10::elementSize(storage.type);
    if (static_cast<std::uint64_t>(storage.count) > place.size / element) {
      fail(cat("tensor '", name, "': its storage '", storage.key, "' should hold ", storage.count,
               " elements of ", element, " bytes, the archive has ", place.size, " bytes"));
    }
    return static_cast<std::uint64_t>(storage.count) * element;
  }

  SharedBytes file_;
  std::string_view name_;
  TorchRecords records_;
  std::int64_t most_bytes_;
  std::map<std::string, std::optional<ByteStorage>> storages_;
};

}  // namespace

WeightFile parse_torch_zip(const SharedBytes& file, std::string_view name) {
  return TorchArchive(file, name).read();
}

}  // namespace pcnet::weights
