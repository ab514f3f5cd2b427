#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pickle_stream.h"
#include "torch_pickle.h"

namespace pcnet::weights {

/// A call as the pickle spells it: an imported name and arguments. What is asked of an argument and
/// is not so is an Error that names the call.
class TorchCall {
 public:
  TorchCall(const PickledName& callee, const PickleValue::List& arguments,
            const TorchPickle& pickle, const PickleStream& stream)
      : name(callee), items(arguments), pickle_(pickle), stream_(stream) {}

  [[noreturn]] void fail(const std::string& what) const;
  /// So many arguments at least.
  void require(std::size_t count) const;

  std::int64_t number(const PickleValue& value) const;
  const std::string& text(const PickleValue& value) const;
  /// The items of a tuple or list.
  const PickleValue::List& list(const PickleValue& value) const;
  /// The sides of a shape, or its strides.
  std::vector<std::int64_t> sides(const PickleValue& value) const;
  template <class Mark>
  const Mark* find(std::size_t argument) const {
    return argument < items.size() ? pickle_.find<Mark>(items[argument]) : nullptr;
  }
  template <class Mark>
  const Mark& mark(std::size_t argument, const char* wanted) const {
    if (const Mark* found = find<Mark>(argument)) return *found;
    refuse(items[argument], wanted);
  }

  const PickledName& name;
  const PickleValue::List& items;

 private:
  [[noreturn]] void refuse(const PickleValue& value, const char* wanted) const;

  const TorchPickle& pickle_;
  const PickleStream& stream_;
};

/// What a call of torch's builders makes: (storage, offset, shape, strides, ...) -> tensor.
PickledTensor tensor_of(const TorchCall& call);

/// (kind, index) -> "cuda:1".
std::string device_of(const TorchCall& call);

/// (text, "latin1") -> bytes, which protocol 2 writes as Latin-1 letters to be encoded.
PickleValue bytes_of(const TorchCall& call);

/// What a file tells of a NumPy array: "numpy.ndarray f4 [2, 3]".
std::string array_type(const TorchPickle& pickle, const PickleValue& shape,
                       const PickleValue& dtype);

/// The tuple in a value that bears no mark, or null.
const PickleValue::Tuple* plain_tuple(const TorchPickle& pickle, const PickleValue& value);

}  // namespace pcnet::weights
