#pragma once

#include <string>
#include <string_view>

#include <c10/core/ScalarType.h>

namespace pcnet::weights {

/// What a name that a weight file's pickle imports stands for. It is looked up here and nowhere
/// else: no import ever happens.
struct TorchName {
  enum class Kind {
    kRebuildTensor,     ///< (storage, offset, shape, strides, ...) -> tensor
    kRebuildParameter,  ///< (tensor, ...) -> the tensor
    kRebuildTyped,      ///< (builder, class, arguments, ...) -> what that builder makes
    kStorage,           ///< a storage's type: `type` its elements, Undefined for bare bytes
    kDtype,             ///< torch.float32: `type`, Undefined where the dtype is not read
    kDict,              ///< () or (pairs) -> dict; what BUILD sets on it is left out
    kBag,               ///< an object whose attributes are its state
    kTuple,             ///< (items) -> tuple
    kFirst,             ///< (value, ...) -> value
    kDevice,            ///< (text, index) -> text
    kCodec,             ///< (text, "latin1") -> bytes
    kNumberType,        ///< (text, ...) -> the text, a NumPy dtype's
    kNumber,            ///< (dtype, bytes) -> number
    kArray,             ///< (bytes, dtype, shape, ...) -> a NumPy array, opaque
    kObject,            ///< (class, ...) -> an object of that class, opaque unless it is a bag
    kForeign,           ///< any other name: whatever it makes is opaque
  };
  Kind kind;
  c10::ScalarType type = c10::ScalarType::Undefined;
};

/// The name's meaning. Classes of TorchScript are bags.
const TorchName& find_torch_name(std::string_view module, std::string_view name);

/// "module.name" as it may be shown: UTF-8, on one line, cut where it is very long.
std::string shown_name(const std::string& module, const std::string& name);

}  // namespace pcnet::weights
