#include "pcnet/clip/proposal_features.h"

#include <array>
#include <cstring>
#include <vector>

#include <torch/torch.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/image/resize.h"

namespace pcnet::clip {

namespace {

/// Crops that are encoded together: an activation of RN50 takes some 3 MB of each.
constexpr std::size_t kTogether = 64;

at::Tensor unit(const at::Tensor& x) {  // along the channels
  return torch::nn::functional::normalize(x, torch::nn::functional::NormalizeFuncOptions().dim(1));
}

at::Tensor resized(const at::Tensor& picture, std::int64_t side) {
  return at::_upsample_bicubic2d_aa(picture, {side, side}, /*align_corners=*/false);
}

/// [1, 3, H, W] of the encoder's type and device
at::Tensor normalised(ClipImpl& clip, const image::Picture& picture,
                      const image::Colours& colours) {
  return image::normalise(image::to_tensor(picture).unsqueeze(0),
                          clip.parameters().front().options(), colours);
}

/// The mask [1, 1, H, W] uint8 on the CPU.
at::Tensor plane_of(const image::Rle& proposal) {
  const image::Mask mask = image::decode(proposal);
  at::Tensor plane = torch::empty({1, 1, mask.height, mask.width}, torch::kByte);
  std::memcpy(plane.mutable_data_ptr(), mask.data.data(), mask.data.size());
  return plane;
}

void require_fit(const at::Tensor& picture, const image::Rle& proposal, std::size_t place) {
  if (proposal.height == picture.size(2) && proposal.width == picture.size(3) &&
      image::area(proposal) > 0) {
    return;
  }
  throw core::Error(core::cat("proposal ", place, " of ", proposal.height, " x ", proposal.width,
                              " px with ", image::area(proposal),
                              " inside does not fit an image of ", picture.size(2), " x ",
                              picture.size(3)));
}

}  // namespace

at::Tensor masked_crops(const at::Tensor& picture, std::span<const image::Rle> proposals,
                        std::int64_t side, const CropLook& look) {
  const at::Tensor fill =
      torch::tensor(at::ArrayRef<double>(look.fill), picture.options()).view({1, 3, 1, 1});
  std::vector<at::Tensor> crops;
  for (std::size_t i = 0; i < proposals.size(); ++i) {
    require_fit(picture, proposals[i], i);
    const auto [x, y, width, height] = image::bounding_box(proposals[i]);
    const auto cut = [x = x, y = y, width = width, height = height](const at::Tensor& plane) {
      return plane.slice(/*dim=*/2, y, y + height).slice(/*dim=*/3, x, x + width);
    };
    const at::Tensor inside = cut(plane_of(proposals[i])).to(picture.device()).ne(0);
    crops.push_back(resized(at::where(inside, cut(picture), fill), side));
  }
  if (crops.empty()) return picture.new_empty({0, 3, side, side});
  return at::cat(crops);
}

at::Tensor crop_features(ClipImpl& clip, const image::Picture& picture,
                         std::span<const image::Rle> proposals, const CropLook& look) {
  const torch::NoGradGuard no_grad;
  clip.eval();
  clip.set_folded(true);
  const at::Tensor pixels = normalised(clip, picture, look.colours);
  std::vector<at::Tensor> features;
  for (std::size_t first = 0; first < proposals.size(); first += kTogether) {
    const auto some = proposals.subspan(first, std::min(kTogether, proposals.size() - first));
    const auto crops = masked_crops(pixels, some, clip.options.visual.resolution, look);
    features.push_back(unit(clip.encode_image(crops)));
  }
  if (features.empty()) return pixels.new_empty({0, clip.options.visual.output_dim});
  return at::cat(features);
}

at::Tensor context_features(ClipImpl& clip, const image::Picture& picture,
                            std::span<const image::Rle> proposals, const image::Colours& colours) {
  const torch::NoGradGuard no_grad;
  clip.eval();
  clip.set_folded(true);
  const at::Tensor pixels = normalised(clip, picture, colours);
  const at::Tensor grid =
      unit(clip.encode_image_grid(resized(pixels, clip.options.visual.resolution)));
  std::vector<at::Tensor> shares;  // of each cell
  for (std::size_t i = 0; i < proposals.size(); ++i) {
    require_fit(pixels, proposals[i], i);
    shares.push_back(at::upsample_bilinear2d(plane_of(proposals[i]).to(grid.options()),
                                             grid.sizes().slice(/*N=*/2),
                                             /*align_corners=*/false));
  }
  if (shares.empty()) return pixels.new_empty({0, clip.options.visual.output_dim});
  return clip.visual()->pool(grid * at::cat(shares));
}

}  // namespace pcnet::clip
