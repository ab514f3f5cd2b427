#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include <c10/core/ScalarType.h>

#include "pcnet/weights/pickle.h"

namespace pcnet::weights {

struct TorchName;

/// An imported name, as the file spells it; a very long one is cut.
struct PickledName {
  std::string text;  ///< "torch.float32"
  const TorchName* meaning = nullptr;

  bool is_foreign() const;
};

/// Bytes that lie beside the pickle, under `data/<key>`.
struct PickledStorage {
  std::string key;
  c10::ScalarType type = c10::ScalarType::Undefined;  ///< Undefined: bare bytes
  std::int64_t count = 0;                             ///< elements, or bytes where it has no type
};

/// A view of a storage, as the file claims it: nothing of it is checked against the bytes yet.
struct PickledTensor {
  PickledStorage storage;
  c10::ScalarType type = c10::ScalarType::Undefined;
  std::string type_name;
  std::int64_t offset = 0;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;
};

/// An object as its attributes; `script` when its class is TorchScript's.
struct PickledObject {
  bool script = false;
};

/// What is neither tensor nor plain data: its type as the file names it. What it was made of is not
/// kept.
struct PickledOpaque {
  std::string type;  ///< "pathlib.PosixPath", "numpy.ndarray f4 [2, 3]"
};

using PickledMark =
    std::variant<PickledName, PickledStorage, PickledTensor, PickledObject, PickledOpaque>;

/// What `torch.save` pickled. What is no plain data stands in `root` as a container of its own
/// (an empty tuple, objects as a dict of their attributes) whose
/// meaning `marks` gives. Marks may tell of values that `root` does not hold.
struct TorchPickle {
  PickleValue root;
  std::unordered_map<const void*, PickledMark> marks;

  template <class Mark>
  const Mark* find(const PickleValue& value) const;
};

/// The address that tells one container from another; null for a plain value.
const void* container_address(const PickleValue& value);

template <class Mark>
const Mark* TorchPickle::find(const PickleValue& value) const {
  const auto found = marks.find(container_address(value));
  return found == marks.end() ? nullptr : std::get_if<Mark>(&found->second);
}

/// Reads the `data.pkl` of a weight file. The builders of torch and a few plain classes are known
/// by name; what any other name makes is opaque, with all that it is made of. Nothing is imported
/// or called. Sizes and cycles are bounded as `read_pickle` bounds them.
TorchPickle read_torch_pickle(std::string_view bytes, std::string_view name);

}  // namespace pcnet::weights
