#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include <c10/core/Device.h>
#include <nlohmann/json.hpp>

#include "pcnet/config/eval_options.h"
#include "pcnet/data/proposals/proposal_store.h"
#include "pcnet/image/picture.h"
#include "pcnet/metrics/peak.h"

namespace pcnet::engine {

/// One answer for which a mask is wanted.
struct AnsweredMap {
  std::span<const float> values;       ///< [H, W]: the positive part of the cosine
  metrics::Peak peak;                  ///< of these
  const image::Mask* truth = nullptr;  ///< of the object that is meant; null: not known
  std::int64_t sent_id = 0;            ///< names the sentence for a random point
};

/// An image with all that was answered about it.
struct AnsweredImage {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<AnsweredMap> maps;
  std::vector<image::Mask> proposals;       ///< of the image's size
  std::function<image::Picture()> picture;  ///< reads it; called by who looks at pixels
};

/// The mask of an answer.
struct Segmentation {
  image::Mask mask;
  bool no_proposal = false;    ///< the image has none: the mask is empty
  bool off_proposals = false;  ///< no proposal holds the map's maximum
  bool tied = false;           ///< several proposals have the highest response
};

/// Turns answers into masks (docs/method.md#segmentors): one part for evaluation, prediction and
/// pictures of samples.
class Segmentor {
 public:
  virtual ~Segmentor() = default;
  virtual config::Choice<config::Segmentor> kind() const = 0;
  /// The mask of each map, in their order. A network looks once at an image. Error when what the
  /// kind needs (proposals, ground truth, the picture) cannot be had.
  virtual std::vector<Segmentation> segment(const AnsweredImage& image) = 0;
  /// Whether several threads may ask at once.
  virtual bool is_for_several_threads() const = 0;
  /// What the masks depend on beside the answers: kind, rules, the weights' file and digest.
  virtual nlohmann::ordered_json protocol() const = 0;
};

/// The segmentor that the options name. Error for weights that are no SAM.
/// @param device of Segment Anything
std::unique_ptr<Segmentor> make_segmentor(const config::EvalOptions& options, c10::Device device);

/// An image's proposals as a source has them; none of an image without entry.
std::vector<image::Mask> decode(const data::ProposalStore::Masks& proposals);

/// Pixels of a map [H, W] that are above `threshold` after division by its maximum (+ 1e-5).
image::Mask threshold_mask(std::span<const float> map, std::int64_t height, std::int64_t width,
                           float maximum, double threshold);

/// The proposal with the highest response.
struct ProposalChoice {
  const image::Mask* proposal = nullptr;  ///< null: all are empty, or there is none
  bool holds_maximum = false;
  bool tied = false;  ///< others have the same response
};
/// The proposal in which the map's highest value is highest, the released code's rule; of several
/// `tie` decides, the first of equal areas. Proposals without pixels are left out.
ProposalChoice choose_proposal(const std::vector<image::Mask>& proposals, const AnsweredMap& map,
                               config::ProposalTie tie);

/// The proposal with the highest IoU with the ground truth; null when there is none.
const image::Mask* best_proposal(const std::vector<image::Mask>& proposals,
                                 const image::Mask& truth);

/// Number of ones; of ones in both masks (of one size).
std::int64_t count(const image::Mask& mask);
std::int64_t count_both(const image::Mask& a, const image::Mask& b);
/// Intersection over union; 0 of two empty masks.
double iou(const image::Mask& a, const image::Mask& b);

}  // namespace pcnet::engine
