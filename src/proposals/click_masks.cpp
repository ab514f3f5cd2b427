#include "click_masks.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <ATen/Parallel.h>
#include <torch/types.h>

#include "pcnet/core/device.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/parallel.h"

#include "boxes.h"

namespace pcnet::proposals {

namespace {

constexpr std::int64_t kMasks = 3;      // of a click
constexpr std::int64_t kSquare = 1024;  // the network's input, px

/// A mask before it is made.
struct Candidate {
  std::int64_t click;
  std::int64_t output;
  float predicted_iou;
};

void check(const ClickMasks& answers, std::int64_t points) {
  const auto& logits = answers.logits;
  const bool fits = logits.dim() == 4 && logits.size(0) == points && logits.size(1) == kMasks &&
                    answers.predicted_iou.sizes() == at::IntArrayRef({points, kMasks});
  if (fits) return;
  throw core::Error(core::cat("mask generator: ", points, " clicks got logits ", logits.sizes(),
                              " and predicted IoUs ", answers.predicted_iou.sizes(), ", wanted [",
                              points, ", 3, h, w] and [", points, ", 3]"));
}

/// Those whose predicted IoU is high enough.
std::vector<Candidate> candidates_of(const at::Tensor& predicted, double bound) {
  std::vector<Candidate> good;
  const auto values = predicted.accessor<float, 2>();
  for (std::int64_t i = 0; i < values.size(0); ++i) {
    for (std::int64_t j = 0; j < kMasks; ++j) {
      const float value = values[i][j];
      if (!std::isfinite(value)) {
        throw core::Error(core::cat(
            "mask generator: the network predicts the IoU ", value,
            " for a mask, wanted a finite number; are its weights damaged, or too large for half "
            "precision?"));
      }
      if (bound <= 0 || value > static_cast<float>(bound)) good.push_back({i, j, value});
    }
  }
  return good;
}

/// Makes the masks of one crop.
class MaskMaker {
 public:
  MaskMaker(const Crop& crop, std::int64_t height, std::int64_t width,
            const config::MaskGeneratorOptions& options)
      : crop_(crop),
        height_(height),
        width_(width),
        options_(options),
        frame_(sam::frame_of(crop.height(), crop.width(), kSquare)) {}

  /// logits [h, w]; empty when a filter drops the mask.
  std::optional<GeneratedMask> make(const at::Tensor& logits) const {
    const at::Tensor values = sam::upscale(logits, frame_);
    image::Mask mask(height_, width_);
    GeneratedMask made;
    made.stability = threshold(values, mask);
    const auto bound = static_cast<float>(options_.stability);
    if (options_.stability > 0 && !(made.stability >= bound)) return std::nullopt;
    made.mask = image::encode(mask);
    made.box = box_of(made.mask);
    // A mask without pixels, which only a bound of 0 lets pass, lies at the crop's corner.
    if (image::area(made.mask) == 0) {
      made.box = {crop_.box.x0, crop_.box.y0, crop_.box.x0, crop_.box.y0};
    }
    if (is_cut_off(made.box, crop_.box, height_, width_)) return std::nullopt;
    made.crop = crop_.box;
    return made;
  }

 private:
  /// Sets the pixels above 0; returns the stability, not a number when nothing is near a mask.
  float threshold(const at::Tensor& values, image::Mask& mask) const {
    const auto offset = static_cast<float>(options_.stability_offset);
    const auto* value = values.const_data_ptr<float>();
    std::int64_t inner = 0;
    std::int64_t outer = 0;
    for (std::int64_t y = 0; y < crop_.height(); ++y) {
      auto* row = &mask.at(crop_.box.y0 + y, crop_.box.x0);
      for (std::int64_t x = 0; x < crop_.width(); ++x, ++value) {
        inner += *value > offset ? 1 : 0;
        outer += *value > -offset ? 1 : 0;
        row[x] = *value > 0 ? 1 : 0;
      }
    }
    return static_cast<float>(inner) / static_cast<float>(outer);
  }

  const Crop& crop_;
  std::int64_t height_;
  std::int64_t width_;
  const config::MaskGeneratorOptions& options_;
  sam::Frame frame_;
};

}  // namespace

std::vector<GeneratedMask> masks_of_clicks(const ClickMasks& answers, std::span<const Point> points,
                                           const Crop& crop, std::int64_t height,
                                           std::int64_t width,
                                           const config::MaskGeneratorOptions& options) {
  check(answers, static_cast<std::int64_t>(points.size()));
  const at::Tensor logits = answers.logits.to(at::kCPU, at::kFloat);
  const auto candidates =
      candidates_of(answers.predicted_iou.to(at::kCPU, at::kFloat), options.predicted_iou);
  std::vector<std::optional<GeneratedMask>> made(candidates.size());
  const MaskMaker maker(crop, height, width, options);
  core::parallel_for(static_cast<std::int64_t>(candidates.size()), at::get_num_threads(),
                     [&](std::int64_t i) {
                       const core::LoopsOnThisThread alone;
                       const auto at = static_cast<std::size_t>(i);
                       const Candidate& one = candidates[at];
                       made[at] = maker.make(logits[one.click][one.output]);
                     });
  std::vector<GeneratedMask> masks;
  for (std::size_t i = 0; i < made.size(); ++i) {
    if (!made[i]) continue;
    const Point& point = points[static_cast<std::size_t>(candidates[i].click)];
    made[i]->predicted_iou = candidates[i].predicted_iou;
    made[i]->point = {point.x + static_cast<double>(crop.box.x0),
                      point.y + static_cast<double>(crop.box.y0)};
    masks.push_back(std::move(*made[i]));
  }
  return masks;
}

}  // namespace pcnet::proposals
