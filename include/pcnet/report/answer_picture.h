#pragma once

#include <span>
#include <string>

#include "pcnet/image/picture.h"
#include "pcnet/metrics/peak.h"

namespace pcnet::report {

/// One sentence's answer on a picture, for people to look at.
struct Answer {
  const image::Picture& picture;
  std::span<const float> map;  ///< [H, W], not negative
  const image::Mask& mask;     ///< what was segmented
  metrics::Peak peak;
  const image::Mask* truth = nullptr;  ///< ground truth, if there is one
  std::string caption;                 ///< empty: no strip for one
};

/// The mask tinted and outlined, the peak as a cross, the ground truth's outline in green, under
/// the caption. Small pictures are enlarged.
image::Picture draw_answer(const Answer& answer);

/// The response map, divided by its maximum, as heat with the peak, under the caption.
image::Picture draw_heat(const Answer& answer);

}  // namespace pcnet::report
