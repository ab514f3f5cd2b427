#include "torch_names.h"

#include <algorithm>
#include <array>

#include "pcnet/core/format.h"

#include "pickle_text.h"

namespace pcnet::weights {

namespace {

using Kind = TorchName::Kind;
using c10::ScalarType;

constexpr std::size_t kLongestName = 100;

struct KnownName {
  std::string_view module;
  std::string_view name;
  TorchName meaning;
};

constexpr auto kNames = std::to_array<KnownName>({
    {"torch._utils", "_rebuild_tensor", {Kind::kRebuildTensor}},
    {"torch._utils", "_rebuild_tensor_v2", {Kind::kRebuildTensor}},
    {"torch._utils", "_rebuild_tensor_v3", {Kind::kRebuildTensor}},
    {"torch._utils", "_rebuild_parameter", {Kind::kRebuildParameter}},
    {"torch._utils", "_rebuild_parameter_with_state", {Kind::kRebuildParameter}},
    {"torch._tensor", "_rebuild_from_type_v2", {Kind::kRebuildTyped}},
    {"torch", "DoubleStorage", {Kind::kStorage, ScalarType::Double}},
    {"torch", "FloatStorage", {Kind::kStorage, ScalarType::Float}},
    {"torch", "HalfStorage", {Kind::kStorage, ScalarType::Half}},
    {"torch", "BFloat16Storage", {Kind::kStorage, ScalarType::BFloat16}},
    {"torch", "LongStorage", {Kind::kStorage, ScalarType::Long}},
    {"torch", "IntStorage", {Kind::kStorage, ScalarType::Int}},
    {"torch", "ShortStorage", {Kind::kStorage, ScalarType::Short}},
    {"torch", "CharStorage", {Kind::kStorage, ScalarType::Char}},
    {"torch", "ByteStorage", {Kind::kStorage, ScalarType::Byte}},
    {"torch", "BoolStorage", {Kind::kStorage, ScalarType::Bool}},
    {"torch.storage", "UntypedStorage", {Kind::kStorage}},
    {"torch.storage", "TypedStorage", {Kind::kStorage}},
    {"torch", "UntypedStorage", {Kind::kStorage}},
    {"torch", "Size", {Kind::kTuple}},
    {"torch", "device", {Kind::kDevice}},
    {"collections", "OrderedDict", {Kind::kDict}},
    {"collections", "Counter", {Kind::kDict}},
    {"argparse", "Namespace", {Kind::kBag}},
    {"torch.jit._pickle", "build_intlist", {Kind::kFirst}},
    {"torch.jit._pickle", "build_doublelist", {Kind::kFirst}},
    {"torch.jit._pickle", "build_boollist", {Kind::kFirst}},
    {"torch.jit._pickle", "build_tensorlist", {Kind::kFirst}},
    {"torch.jit._pickle", "restore_type_tag", {Kind::kFirst}},
    {"_codecs", "encode", {Kind::kCodec}},
    {"numpy", "dtype", {Kind::kNumberType}},
    {"numpy.core.multiarray", "scalar", {Kind::kNumber}},
    {"numpy._core.multiarray", "scalar", {Kind::kNumber}},
    {"numpy.core.numeric", "_frombuffer", {Kind::kArray}},
    {"numpy._core.numeric", "_frombuffer", {Kind::kArray}},
    {"numpy.core.multiarray", "_reconstruct", {Kind::kObject}},
    {"numpy._core.multiarray", "_reconstruct", {Kind::kObject}},
    {"copyreg", "_reconstructor", {Kind::kObject}},
    {"copy_reg", "_reconstructor", {Kind::kObject}},
});

struct KnownDtype {
  std::string_view name;
  TorchName meaning;
};

constexpr auto kDtypes = std::to_array<KnownDtype>({
    {"float64", {Kind::kDtype, ScalarType::Double}},
    {"float32", {Kind::kDtype, ScalarType::Float}},
    {"float16", {Kind::kDtype, ScalarType::Half}},
    {"bfloat16", {Kind::kDtype, ScalarType::BFloat16}},
    {"int64", {Kind::kDtype, ScalarType::Long}},
    {"int32", {Kind::kDtype, ScalarType::Int}},
    {"int16", {Kind::kDtype, ScalarType::Short}},
    {"int8", {Kind::kDtype, ScalarType::Char}},
    {"uint8", {Kind::kDtype, ScalarType::Byte}},
    {"bool", {Kind::kDtype, ScalarType::Bool}},
});

/// Named in errors when a tensor has them, harmless as a value.
constexpr auto kOtherDtypes = std::to_array<std::string_view>({
    "complex32",
    "complex64",
    "complex128",
    "uint16",
    "uint32",
    "uint64",
    "float8_e4m3fn",
    "float8_e5m2",
    "float8_e4m3fnuz",
    "float8_e5m2fnuz",
    "qint8",
    "quint8",
    "qint32",
});

constexpr TorchName kBag = {Kind::kBag};
constexpr TorchName kOtherDtype = {Kind::kDtype};
constexpr TorchName kForeign = {Kind::kForeign};

const TorchName* find_dtype(std::string_view name) {
  for (const auto& known : kDtypes) {
    if (known.name == name) return &known.meaning;
  }
  for (const auto& other : kOtherDtypes) {
    if (other == name) return &kOtherDtype;
  }
  return nullptr;
}

}  // namespace

const TorchName& find_torch_name(std::string_view module, std::string_view name) {
  if (module == "__torch__" || module.starts_with("__torch__.")) return kBag;
  for (const auto& known : kNames) {
    if (known.module == module && known.name == name) return known.meaning;
  }
  const TorchName* dtype = module == "torch" ? find_dtype(name) : nullptr;
  return dtype == nullptr ? kForeign : *dtype;
}

std::string shown_name(const std::string& module, const std::string& name) {
  std::string text = text_from_bytes(core::cat(module, ".", name));
  if (text.size() > kLongestName) text.resize(kLongestName);
  while (!is_utf8(text)) text.pop_back();  // a letter was cut in two
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  std::replace_if(text.begin(), text.end(), is_control, '?');
  return text;
}

}  // namespace pcnet::weights
