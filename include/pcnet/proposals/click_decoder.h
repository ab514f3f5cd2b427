#pragma once

#include <span>

#include <ATen/core/Tensor.h>

#include "pcnet/image/picture.h"
#include "pcnet/sam/predictor.h"

namespace pcnet::proposals {

using sam::Point;

/// What n clicks, each by itself, mean.
struct ClickMasks {
  at::Tensor logits;         ///< [n, 3, 256, 256] over the network's square, with its padding
  at::Tensor predicted_iou;  ///< [n, 3]
};

/// The network behind the mask generator, which asks for one crop after the other.
class ClickDecoder {
 public:
  virtual ~ClickDecoder() = default;
  /// The picture that the next clicks are on; it does not outlive the call.
  virtual void set_crop(const image::Picture& crop) = 0;
  /// The three masks of each click, in the crop's pixels. The answer to a click does not depend on
  /// the others.
  virtual ClickMasks decode(std::span<const Point> points) = 0;
};

}  // namespace pcnet::proposals
