#include "pcnet/data/batches/batch.h"

namespace pcnet::data {

Batch Batch::to(c10::Device device) const {
  const auto moved = [&](const at::Tensor& tensor) {
    // Only page-locked memory is copied while the program goes on; the stream keeps the order.
    return tensor.defined() ? tensor.to(device, /*non_blocking=*/device.is_cuda()) : tensor;
  };
  Batch there = *this;
  for (at::Tensor* tensor : {&there.images, &there.text_index, &there.mirrored_index,
                             &there.cue_index, &there.partner_index, &there.partner_cue_index,
                             &there.has_partner, &there.proposals, &there.clip_scores}) {
    *tensor = moved(*tensor);
  }
  return there;
}

}  // namespace pcnet::data
