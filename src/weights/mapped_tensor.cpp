#include "mapped_tensor.h"

#include <algorithm>
#include <memory>

#include <sys/mman.h>
#include <torch/types.h>
#include <unistd.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/weights/weight_file.h"

namespace pcnet::weights {

namespace {

constexpr std::size_t kPartBytes = 8 << 20;  // read between two releases
constexpr std::size_t kLargestPage = 64 << 10;

using Owner = std::shared_ptr<const void>;

/// Its address tells a mapped storage from any other.
void drop_owner(void* context) { delete static_cast<Owner*>(context); }

bool is_mapped(const at::Tensor& tensor) {
  return tensor.defined() && tensor.device().is_cpu() && tensor.has_storage() &&
         tensor.storage().data_ptr().get_deleter() == &drop_owner;
}

/// A page that was written to is no longer the file's: giving it back would undo the writing.
bool was_written(const at::Tensor& tensor) {
  return tensor.is_inference() || tensor._version() != 0;
}

void release_range(const char* begin, const char* end) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto first = (reinterpret_cast<std::uintptr_t>(begin) + page - 1) / page * page;
  const auto last = reinterpret_cast<std::uintptr_t>(end) / page * page;
  if (first >= last) return;
  const char* from = begin + (first - reinterpret_cast<std::uintptr_t>(begin));
  // A refusal only leaves the pages resident.
  ::madvise(const_cast<char*>(from), last - first, MADV_DONTNEED);
}

/// The numbers in another floating-point type; one that was finite stays so.
at::Tensor converted(const at::Tensor& numbers, c10::ScalarType type) {
  at::Tensor out = numbers.to(type);
  const bool widens = c10::elementSize(type) > c10::elementSize(numbers.scalar_type());
  if (widens || out.isfinite().all().item<bool>()) return out;
  const auto lost = out.isfinite().logical_xor_(numbers.isfinite()).sum().item<std::int64_t>();
  if (lost > 0) {
    throw core::Error(core::cat(lost, " of its numbers are too large for ", c10::toString(type),
                                type == at::kHalf ? "; bf16 has room for them" : ""));
  }
  return out;
}

}  // namespace

std::vector<std::int64_t> c_order(at::IntArrayRef shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t step = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = step;
    // Too large a shape is refused by its bytes, so that what this overflows to does not matter.
    if (__builtin_mul_overflow(step, std::max<std::int64_t>(shape[i], 1), &step)) step = 0;
  }
  return strides;
}

ByteStorage::ByteStorage(const SharedBytes& file, std::uint64_t begin, std::uint64_t size,
                         std::size_t alignment) {
  const std::string_view range = file.bytes.substr(begin, size);
  const auto bytes = static_cast<std::int64_t>(range.size());
  const bool aligned = reinterpret_cast<std::uintptr_t>(range.data()) % alignment == 0;
  if (!file.mapped || !aligned || range.empty()) {
    base_ = torch::empty({bytes}, at::kByte);
    if (bytes > 0) std::copy(range.begin(), range.end(), base_.mutable_data_ptr<std::uint8_t>());
    return;
  }
  auto owner = std::make_unique<Owner>(file.owner);
  // torch knows no read-only storage; the mapping is private, so writing stays inside the process.
  auto* data = const_cast<char*>(range.data());
  at::DataPtr pointer(data, owner.release(), &drop_owner, at::kCPU);
  c10::Storage storage(c10::Storage::use_byte_size_t(), range.size(), std::move(pointer), nullptr,
                       /*resizable=*/false);
  base_ = at::detail::make_tensor<c10::TensorImpl>(std::move(storage),
                                                   c10::DispatchKeySet(c10::DispatchKey::CPU),
                                                   caffe2::TypeMeta::Make<std::uint8_t>());
  base_.unsafeGetTensorImpl()->set_sizes_contiguous({bytes});
}

at::Tensor ByteStorage::view(c10::ScalarType type, at::IntArrayRef shape, at::IntArrayRef strides,
                             std::int64_t offset) const {
  auto tensor = at::detail::make_tensor<c10::TensorImpl>(c10::Storage(base_.storage()),
                                                         c10::DispatchKeySet(c10::DispatchKey::CPU),
                                                         caffe2::TypeMeta::fromScalarType(type));
  auto* impl = tensor.unsafeGetTensorImpl();
  impl->set_sizes_and_strides(shape, strides, offset);
  if (!tensor.is_inference() && !base_.is_inference()) {  // all views know when one is written to
    impl->set_version_counter(base_.unsafeGetTensorImpl()->version_counter());
  }
  return tensor;
}

at::Tensor ByteStorage::whole(c10::ScalarType type, at::IntArrayRef shape) const {
  return view(type, shape, c_order(shape), 0);
}

std::optional<ViewBytes> view_bytes(c10::ScalarType type, at::IntArrayRef shape,
                                    at::IntArrayRef strides, std::int64_t offset) {
  std::int64_t last = offset;
  std::int64_t count = 1;
  std::int64_t widest = 1;  // as if no side were 0: torch multiplies them so
  bool overflow = offset < 0 || shape.size() != strides.size();
  for (std::size_t i = 0; !overflow && i < shape.size(); ++i) {
    if (shape[i] < 0 || strides[i] < 0) return std::nullopt;
    std::int64_t step = 0;
    const std::int64_t side = std::max<std::int64_t>(shape[i], 1);
    overflow = __builtin_mul_overflow(side - 1, strides[i], &step) ||
               __builtin_add_overflow(last, step, &last) ||
               __builtin_mul_overflow(widest, side, &widest);
    count *= overflow ? 0 : shape[i];
  }
  const auto element = static_cast<std::int64_t>(c10::elementSize(type));
  ViewBytes bytes;
  overflow = overflow || __builtin_add_overflow(last, 1, &last) ||
             __builtin_mul_overflow(last, element, &bytes.reach) ||
             __builtin_mul_overflow(widest, element, &widest);
  if (overflow) return std::nullopt;
  bytes.written_out = count * element;
  if (count == 0) bytes.reach = 0;
  return bytes;
}

c10::ScalarType written_type(const at::Tensor& tensor, c10::ScalarType floats) {
  const bool converts = floats != c10::ScalarType::Undefined && tensor.is_floating_point();
  return converts ? floats : tensor.scalar_type();
}

std::uint64_t written_bytes(const at::Tensor& tensor, c10::ScalarType floats) {
  return static_cast<std::uint64_t>(tensor.numel()) *
         c10::elementSize(written_type(tensor, floats));
}

void for_each_part(const at::Tensor& tensor, c10::ScalarType floats,
                   const std::function<void(std::string_view)>& take) {
  const at::Tensor data = tensor.detach().to(at::kCPU).contiguous().view({-1});
  const c10::ScalarType type = written_type(tensor, floats);
  const bool release = is_mapped(data) && !was_written(data);
  const std::size_t element = c10::elementSize(data.scalar_type());
  const auto step = static_cast<std::int64_t>(kPartBytes / element);
  for (std::int64_t at = 0; at < data.numel(); at += step) {
    const at::Tensor part = data.slice(/*dim=*/0, at, std::min(at + step, data.numel()));
    const at::Tensor written = type == part.scalar_type() ? part : converted(part, type);
    take({static_cast<const char*>(written.const_data_ptr()), written.nbytes()});
    if (!release) continue;
    // A page at the border of two parts is released with the second one.
    const auto* begin = static_cast<const char*>(part.const_data_ptr());
    const auto before = static_cast<std::size_t>(at) * element;
    release_range(begin - std::min(before, kLargestPage), begin + part.nbytes());
  }
  release_pages(tensor);
}

void write_tensor(const std::pair<std::string, at::Tensor>& item, const WriteOptions& options,
                  std::uint64_t& written, const std::function<void(std::string_view)>& take) {
  try {
    for_each_part(item.second, options.floats, [&](std::string_view bytes) {
      take(bytes);
      written += bytes.size();
      if (options.progress) options.progress(written);
    });
  } catch (const core::Error& error) {
    throw core::Error(core::cat("tensor '", item.first, "': ", error.what()));
  }
}

void release_pages(const at::Tensor& tensor) {
  if (!is_mapped(tensor) || tensor.numel() == 0 || was_written(tensor)) return;
  const auto reach = view_bytes(tensor.scalar_type(), tensor.sizes(), tensor.strides(), 0);
  if (!reach) return;
  const auto* begin = static_cast<const char*>(tensor.const_data_ptr());
  release_range(begin, begin + reach->reach);
}

}  // namespace pcnet::weights
