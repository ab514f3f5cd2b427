#include "pcnet/image/resize.h"

#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::image {

namespace {

/// The picture's own bytes as a [1, 3, H, W] channels-last tensor; it must outlive the tensor.
at::Tensor view_of(const Picture& picture) {
  if (picture.height < 1 || picture.width < 1) {
    throw core::Error(core::cat("a picture of height ", picture.height, " and width ",
                                picture.width, " has no pixels"));
  }
  // from_blob wants a mutable pointer; nothing writes through it here.
  auto* bytes = const_cast<std::uint8_t*>(picture.rgb.data());
  return torch::from_blob(bytes, {1, picture.height, picture.width, 3}, at::kByte)
      .permute({0, 3, 1, 2});
}

}  // namespace

at::Tensor to_tensor(const Picture& picture) { return view_of(picture).clone().squeeze(0); }

at::Tensor resize_square(const Picture& picture, std::int64_t size) {
  if (size < 1) throw core::Error(core::cat("cannot resize a picture to the size ", size));
  const at::Tensor view = view_of(picture);
  if (picture.height == size && picture.width == size) return view.clone().squeeze(0);
  return at::_upsample_bilinear2d_aa(view, {size, size}, /*align_corners=*/false)
      .contiguous(at::MemoryFormat::ChannelsLast)
      .squeeze(0);
}

}  // namespace pcnet::image
