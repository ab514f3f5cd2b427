#include "torch_call.h"

#include "pcnet/core/format.h"

#include "numpy_number.h"
#include "torch_names.h"

namespace pcnet::weights {

namespace {

using core::cat;

/// Metadata says that the values are to be conjugated or negated.
void check_metadata(const TorchCall& call, const PickleValue& metadata) {
  const auto* dict = std::get_if<std::shared_ptr<PickleValue::Dict>>(&metadata.value);
  const bool none = std::holds_alternative<PickleValue::None>(metadata.value);
  if (!none && (dict == nullptr || !(*dict)->empty())) call.fail("its metadata are not read");
}

}  // namespace

void TorchCall::fail(const std::string& what) const { stream_.fail(cat(name.text, ": ", what)); }

void TorchCall::require(std::size_t count) const {
  if (items.size() >= count) return;
  fail(cat("it has ", items.size(), " arguments, wanted ", count));
}

void TorchCall::refuse(const PickleValue& value, const char* wanted) const {
  const auto* opaque = pickle_.find<PickledOpaque>(value);
  const auto* imported = pickle_.find<PickledName>(value);
  const std::string got = opaque != nullptr     ? cat(" but ", opaque->type)
                          : imported != nullptr ? cat(" but the name ", imported->text)
                                                : "";
  fail(cat("an argument is no ", wanted, got));
}

std::int64_t TorchCall::number(const PickleValue& value) const {
  const auto* found = std::get_if<std::int64_t>(&value.value);
  if (found == nullptr) refuse(value, "whole number");
  return *found;
}

const std::string& TorchCall::text(const PickleValue& value) const {
  const auto* found = std::get_if<std::string>(&value.value);
  if (found == nullptr) refuse(value, "text");
  return *found;
}

const PickleValue::List& TorchCall::list(const PickleValue& value) const {
  if (const auto* tuple = plain_tuple(pickle_, value)) return tuple->items;
  const auto* found = std::get_if<std::shared_ptr<PickleValue::List>>(&value.value);
  if (found == nullptr) refuse(value, "tuple or list");
  return **found;
}

std::vector<std::int64_t> TorchCall::sides(const PickleValue& value) const {
  const auto& all = list(value);
  if (all.size() > kMostSides) fail(cat("it has ", all.size(), " sides"));
  std::vector<std::int64_t> numbers;
  for (const auto& item : all) numbers.push_back(number(item));
  return numbers;
}

PickledTensor tensor_of(const TorchCall& call) {
  const bool typed = call.name.text.ends_with("_v3");
  call.require(typed ? 7 : 4);
  PickledTensor tensor;
  tensor.storage = call.mark<PickledStorage>(0, "storage");
  tensor.type = tensor.storage.type;
  tensor.type_name = "bytes without a type";
  if (typed) {
    const auto& dtype = call.mark<PickledName>(6, "dtype");
    if (dtype.meaning->kind != TorchName::Kind::kDtype) call.fail(cat(dtype.text, " is no dtype"));
    tensor.type = dtype.meaning->type;
    tensor.type_name = dtype.text;
  }
  tensor.offset = call.number(call.items[1]);
  tensor.shape = call.sides(call.items[2]);
  tensor.strides = call.sides(call.items[3]);
  const std::size_t metadata = typed ? 7 : 6;
  if (call.items.size() > metadata) check_metadata(call, call.items[metadata]);
  return tensor;
}

std::string device_of(const TorchCall& call) {
  call.require(1);
  const std::string& kind = call.text(call.items[0]);
  return call.items.size() > 1 ? cat(kind, ":", call.number(call.items[1])) : kind;
}

PickleValue bytes_of(const TorchCall& call) {
  call.require(1);
  const auto bytes = latin1_bytes(call.text(call.items[0]));
  if (!bytes) call.fail("its text is not Latin-1");
  PickleValue value;
  value.value = PickleValue::Bytes{*bytes};
  return value;
}

std::string array_type(const TorchPickle& pickle, const PickleValue& shape,
                       const PickleValue& dtype) {
  std::string text = cat(kNumPy, "ndarray");
  const auto* type = pickle.find<PickledName>(dtype);
  const auto* sides = plain_tuple(pickle, shape);
  if (type == nullptr || sides == nullptr || sides->items.size() > kMostSides) return text;
  std::vector<std::string> numbers;
  for (const auto& side : sides->items) {
    const auto* number = std::get_if<std::int64_t>(&side.value);
    numbers.push_back(number == nullptr ? "?" : cat(*number));
  }
  const std::string_view name = type->text;
  return cat(text, " ", name.substr(name.starts_with(kNumPy) ? kNumPy.size() : 0), " [",
             core::join(numbers, ", "), "]");
}

const PickleValue::Tuple* plain_tuple(const TorchPickle& pickle, const PickleValue& value) {
  const auto* tuple = std::get_if<std::shared_ptr<PickleValue::Tuple>>(&value.value);
  return tuple == nullptr || pickle.marks.contains(tuple->get()) ? nullptr : tuple->get();
}

}  // namespace pcnet::weights
