#include "pcnet/sam/predictor.h"

#include <algorithm>

#include <ATen/Parallel.h>

#include "pcnet/core/device.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/parallel.h"
#include "pcnet/image/resize.h"

namespace pcnet::sam {

namespace {

/// Clicks that are decoded together: more of them leave a processor's cache, or fill a GPU.
constexpr std::int64_t kClicksTogether = 4;
constexpr std::int64_t kClicksOnGpu = 64;

at::Tensor channel_values(std::array<float, 3> values, const at::TensorOptions& options) {
  return torch::tensor({values[0], values[1], values[2]}).view({3, 1, 1}).to(options);
}

}  // namespace

Frame frame_of(std::int64_t height, std::int64_t width, std::int64_t side) {
  const double scale = static_cast<double>(side) / static_cast<double>(std::max(height, width));
  const auto scaled = [scale](std::int64_t length) {
    return std::max(std::int64_t{1},
                    static_cast<std::int64_t>(static_cast<double>(length) * scale + 0.5));
  };
  return {.height = height,
          .width = width,
          .inner_height = scaled(height),
          .inner_width = scaled(width)};
}

at::Tensor upscale(const at::Tensor& logits, const Frame& frame) {
  const torch::NoGradGuard no_grad;
  const std::int64_t side = std::max(frame.inner_height, frame.inner_width);
  // Two steps that do not commute into one.
  const at::Tensor whole =
      at::upsample_bilinear2d(logits.to(at::kFloat).view({1, 1, logits.size(0), logits.size(1)}),
                              {side, side}, /*align_corners=*/false);
  const at::Tensor inside = whole.narrow(2, 0, frame.inner_height).narrow(3, 0, frame.inner_width);
  return at::upsample_bilinear2d(inside, {frame.height, frame.width},
                                 /*align_corners=*/false)[0][0]
      .contiguous();
}

Predictor::Predictor(Sam sam) : sam_(std::move(sam)) {
  const torch::NoGradGuard no_grad;
  places_ = sam_->prompt_encoder->grid_places();
}

Embedding Predictor::embed(const image::Picture& picture) {
  const torch::NoGradGuard no_grad;
  if (picture.height < 1 || picture.width < 1) throw core::Error("the image has no pixels");
  const std::int64_t side = sam_->options.side;
  const Frame frame = frame_of(picture.height, picture.width, side);
  const auto options = places_.options();
  const at::Tensor bytes =
      image::resize(picture, frame.inner_height, frame.inner_width).to(options.device());
  // ImageNet's mean and deviation, times 255; the padding is 0 behind them.
  const at::Tensor mean = channel_values({123.675F, 116.28F, 103.53F}, options);
  const at::Tensor deviation = channel_values({58.395F, 57.12F, 57.375F}, options);
  at::Tensor square = torch::zeros({1, 3, side, side}, options);
  square[0]
      .slice(1, 0, frame.inner_height)
      .slice(2, 0, frame.inner_width)
      .copy_((bytes.to(options.dtype()) - mean).div_(deviation));
  return {.features = sam_->image_encoder->forward(square), .frame = frame};
}

void Predictor::set_image(Embedding embedding) {
  const torch::NoGradGuard no_grad;
  embedding_ = std::move(embedding);
  embedding_.features = embedding_.features.to(places_.options());
  seen_ =
      sam_->mask_decoder->look_at(embedding_.features, sam_->prompt_encoder->dense({}), places_);
}

at::Tensor Predictor::points_tensor(std::span<const Point> points) const {
  const auto count = static_cast<std::int64_t>(points.size());
  at::Tensor out = torch::empty({count, 2}, at::kDouble);
  auto* to = out.mutable_data_ptr<double>();
  const double across = static_cast<double>(embedding_.frame.inner_width) /
                        static_cast<double>(embedding_.frame.width);
  const double down = static_cast<double>(embedding_.frame.inner_height) /
                      static_cast<double>(embedding_.frame.height);
  for (const auto& point : points) {
    *to++ = point.x * across;
    *to++ = point.y * down;
  }
  return out;
}

MaskDecoderImpl::Masks Predictor::predict(const Prompt& prompt, Outputs outputs) {
  const torch::NoGradGuard no_grad;
  if (prompt.points.size() != prompt.labels.size()) {
    throw core::Error(core::cat("a prompt has ", prompt.points.size(), " points and ",
                                prompt.labels.size(), " labels"));
  }
  const auto options = places_.options();
  Prompts prompts;
  if (!prompt.points.empty()) {
    prompts.points = points_tensor(prompt.points).unsqueeze(0).to(options);
    prompts.labels = torch::tensor(prompt.labels).unsqueeze(0).to(options.device());
  }
  if (prompt.box) {
    const std::array<Point, 2> corners = {
        {{(*prompt.box)[0], (*prompt.box)[1]}, {(*prompt.box)[2], (*prompt.box)[3]}}};
    prompts.boxes = points_tensor(corners).view({1, 4}).to(options);
  }
  const at::Tensor vectors = [&] {
    if (!prompt.mask.defined()) return sam_->prompt_encoder->sparse(prompts);
    prompts.masks = prompt.mask.view({1, 1, prompt.mask.size(0), prompt.mask.size(1)}).to(options);
    return sam_->prompt_encoder->sparse(prompts);
  }();
  const auto masks =
      prompt.mask.defined()
          ? sam_->mask_decoder->forward(
                sam_->mask_decoder->look_at(embedding_.features,
                                            sam_->prompt_encoder->dense(prompts), places_),
                vectors, outputs)
          : sam_->mask_decoder->forward(seen_, vectors, outputs);
  return {masks.logits[0], masks.predicted_iou[0]};
}

MaskDecoderImpl::Masks Predictor::clicks(std::span<const Point> points, Outputs outputs) {
  const torch::NoGradGuard no_grad;
  const auto count = static_cast<std::int64_t>(points.size());
  const std::int64_t side = 4 * sam_->options.grid();
  const std::int64_t masks_each = outputs == Outputs::kSingle ? 1 : kMasks - 1;
  MaskDecoderImpl::Masks out{torch::empty({count, masks_each, side, side}, places_.options()),
                             torch::empty({count, masks_each}, places_.options())};
  if (count == 0) return out;
  // Doubles up to the code, as the mask generator has them.
  const at::Tensor vectors = sam_->prompt_encoder->sparse(
      {.points = points_tensor(points).unsqueeze(1).to(places_.device()),
       .labels = torch::ones({count, 1}, at::kLong).to(places_.device())});
  const auto decode = [&](std::int64_t from, std::int64_t to) {
    const auto masks = sam_->mask_decoder->forward(seen_, vectors.slice(0, from, to), outputs);
    out.logits.slice(0, from, to).copy_(masks.logits);
    out.predicted_iou.slice(0, from, to).copy_(masks.predicted_iou);
  };
  if (places_.is_cuda()) {
    for (std::int64_t from = 0; from < count; from += kClicksOnGpu) {
      decode(from, std::min(from + kClicksOnGpu, count));
    }
    return out;
  }
  const std::int64_t groups = (count + kClicksTogether - 1) / kClicksTogether;
  // A group a thread: none waits for another within it.
  core::parallel_for(groups, at::get_num_threads(), [&](std::int64_t k) {
    const core::LoopsOnThisThread alone;
    const torch::NoGradGuard also_here;
    decode(k * kClicksTogether, std::min((k + 1) * kClicksTogether, count));
  });
  return out;
}

image::Mask Predictor::mask_of(const at::Tensor& logits, const Frame& frame) {
  return image::to_mask(upscale(logits, frame).gt(0));
}

}  // namespace pcnet::sam
