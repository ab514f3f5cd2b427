#pragma once

#include <memory>

#include "pcnet/model/referring_model.h"

namespace pcnet::model {

/// CLIP alone as a referring model: a cell goes through the attention pool's value and output
/// projections, the two as one, a text stays as it is, and their cosine is the response
/// (docs/method.md#clip-alone). It has copies of the encoders of `source`, on its device. Error
/// without an attention pool, and where images and texts have different widths.
std::shared_ptr<ReferringModel> clip_map(ReferringModel& source);

}  // namespace pcnet::model
