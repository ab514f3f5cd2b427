#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include "mapped_file.h"

namespace pcnet::weights {

/// A range of a file's bytes that tensors share. Bytes that are not mapped, or not aligned for
/// every type, are copied once.
class ByteStorage {
 public:
  /// The range must lie inside the file.
  ByteStorage(const SharedBytes& file, std::uint64_t begin, std::uint64_t size);

  /// A view of the bytes; it must lie inside the range (`view_bytes` tells).
  at::Tensor view(c10::ScalarType type, at::IntArrayRef shape, at::IntArrayRef strides,
                  std::int64_t offset) const;
  /// The whole range in C order.
  at::Tensor whole(c10::ScalarType type, at::IntArrayRef shape) const;

 private:
  at::Tensor base_;
};

/// Bytes from a storage's start to the end of a view's last element, and bytes of its elements
/// written out; none when a side, stride or offset is negative or a number leaves 63 bits.
struct ViewBytes {
  std::int64_t reach = 0;
  std::int64_t written_out = 0;
};
std::optional<ViewBytes> view_bytes(c10::ScalarType type, at::IntArrayRef shape,
                                    at::IntArrayRef strides, std::int64_t offset);

/// The strides of a tensor in C order.
std::vector<std::int64_t> c_order(at::IntArrayRef shape);

/// The bytes of a tensor in C order, some at a time; pages of a mapped one that were read are given
/// back.
void for_each_part(const at::Tensor& tensor, const std::function<void(std::string_view)>& take);

}  // namespace pcnet::weights
