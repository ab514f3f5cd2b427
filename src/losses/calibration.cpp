#include "pcnet/losses/calibration.h"

#include <torch/torch.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/losses/proposal_scores.h"

#include "precision.h"

namespace pcnet::losses {

namespace {

constexpr double kSmallestLength = 1e-6;
constexpr double kSmallestChance = 1e-4;  // where the logarithm stops falling

at::Tensor unit_length(const at::Tensor& features) {
  const at::Tensor wide = at_least_float(features);
  return wide / at::linalg_vector_norm(wide, /*ord=*/2, /*dim=*/{-1}, /*keepdim=*/true)
                    .clamp_min(kSmallestLength);
}

at::Tensor minus_log(const at::Tensor& chance) { return -chance.clamp_min(kSmallestChance).log(); }

void check(const CalibrationFeatures& features) {
  if (!features.image.defined() || !features.text.defined()) {
    throw core::Error("calibration: got no features of the masked pictures and their texts");
  }
  const auto image = features.image.sizes();
  if (image.size() != 2 || features.text.sizes() != image) {
    throw core::Error(core::cat("calibration: got features of pictures ", image, " and of texts ",
                                features.text.sizes(), ", wanted both [B, C]"));
  }
  if (!features.negative.defined()) return;
  const auto negative = features.negative.sizes();
  if (negative.size() != 3 || negative[0] != image[0] || negative[2] != image[1] ||
      (features.has_negative.defined() &&
       features.has_negative.sizes() != negative.slice(/*N=*/0, /*M=*/2))) {
    throw core::Error(core::cat("calibration: got features of negative texts ", negative,
                                ", wanted [B, K, C] with B, C of ", image,
                                " and has_negative [B, K]"));
  }
}

}  // namespace

at::Tensor masked_pictures(const at::Tensor& images, const at::Tensor& response,
                           std::int64_t side) {
  const auto resized = [side](const at::Tensor& x) {
    return at::upsample_bilinear2d(at_least_float(x), {side, side}, /*align_corners=*/true);
  };
  return resized(images) * resized(response.unsqueeze(/*dim=*/1));
}

at::Tensor calibration_loss(const CalibrationFeatures& features,
                            const config::CalibrationOptions& options) {
  check(features);
  const at::Tensor image = unit_length(features.image);
  const at::Tensor own = (image * unit_length(features.text)).sum(/*dim=*/1);  // [B]
  at::Tensor loss = minus_log(own).mean();
  if (!features.negative.defined()) return loss;
  const at::Tensor other =
      (image.unsqueeze(/*dim=*/1) * unit_length(features.negative)).sum(/*dim=*/2);  // [B, K]
  const at::Tensor counts =
      features.has_negative.defined() ? features.has_negative : at::ones_like(other, at::kBool);
  return loss + options.negatives * mean_where(minus_log(1 - other), counts);
}

}  // namespace pcnet::losses
