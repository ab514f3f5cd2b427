#pragma once

#include <mutex>
#include <span>

#include "pcnet/config/sam_segmentor_options.h"
#include "pcnet/image/picture.h"
#include "pcnet/sam/predictor.h"
#include "pcnet/serve/asker.h"
#include "pcnet/serve/question.h"

namespace pcnet::serve {

/// Segment Anything for several threads, of which one at a time is served. HttpError 503 for one
/// whose turn does not come before the deadline.
class SamClicks {
 public:
  /// Loads the weights that the options name. Error as sam::load_sam's.
  SamClicks(const config::SamSegmentorOptions& options, c10::Device device);

  sam::Embedding embed(const image::Picture& picture, Deadline deadline);
  /// The mask of an object that is clicked on: of one click by eval.sam.mask's rule, of several,
  /// which leave less open, the one that stands alone.
  image::Mask mask(const sam::Embedding& embedding, std::span<const Click> clicks,
                   Deadline deadline);

 private:
  std::unique_lock<std::timed_mutex> turn(Deadline deadline);

  config::SamSegmentorOptions options_;
  std::timed_mutex mutex_;
  sam::Predictor predictor_;
};

}  // namespace pcnet::serve
