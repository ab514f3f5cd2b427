#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include "pcnet/weights/safetensors.h"

#include "shared_bytes.h"

namespace pcnet::weights {

/// A range of a file's bytes that tensors share. Bytes that are not mapped, or not aligned, are
/// copied once.
class ByteStorage {
 public:
  static constexpr std::size_t kAnyType = 8;  // the largest element's
  /// The range must lie inside the file. @param alignment bytes of an element of the views
  ByteStorage(const SharedBytes& file, std::uint64_t begin, std::uint64_t size,
              std::size_t alignment = kAnyType);

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
/// back. Floating-point numbers become `floats` on the way where that is a type; Error, then, for a
/// finite number that is too large for it.
void for_each_part(const at::Tensor& tensor, c10::ScalarType floats,
                   const std::function<void(std::string_view)>& take);

/// The same with the tensor's name in errors, and telling options.progress what is written.
void write_tensor(const std::pair<std::string, at::Tensor>& item, const WriteOptions& options,
                  std::uint64_t& written, const std::function<void(std::string_view)>& take);

/// The type that for_each_part gives.
c10::ScalarType written_type(const at::Tensor& tensor, c10::ScalarType floats);

}  // namespace pcnet::weights
