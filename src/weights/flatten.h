#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "torch_pickle.h"

namespace pcnet::weights {

/// A pickled structure as dotted names: keys, attributes and places in lists on the way to each.
struct Flat {
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  std::vector<std::pair<std::string, std::string>> values;  ///< numbers, None and short strings
  std::vector<std::pair<std::string, std::string>> opaque;  ///< what is neither, with its type
  std::size_t hidden_tensors = 0;                           ///< that lie within what is opaque
};

/// Builds a tensor from what the pickle says; `name` is for errors.
using BuildTensor = std::function<at::Tensor(const PickledTensor&, const std::string& name)>;

/// An entry under a key that is no text, number or tuple of these is opaque, as it has no name.
/// Flags and empty slots of TorchScript's modules (`training`) are left out, and so are long texts
/// and bytes. Two tensors of one name, or names longer than `most_name_bytes` together, are Errors.
Flat flatten(const TorchPickle& pickle, const BuildTensor& build, std::uint64_t most_name_bytes);

}  // namespace pcnet::weights
