#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "pcnet/metrics/scores.h"

namespace pcnet::metrics {

/// What the sentences of one image add to the figures of a split. Sentences of one image share it,
/// so that whole images are drawn, never single sentences.
struct ImageSums {
  std::int64_t sentences = 0;
  std::int64_t hits = 0;
  std::int64_t intersection = 0;  ///< pixels
  std::int64_t union_ = 0;        ///< pixels
  double iou = 0;
};

/// Sums the sentences of each image.
class SumsByImage {
 public:
  /// @param iou of the sentence, 0 to 1; intersection and union: pixels
  void add(std::int64_t image_id, bool hit, double iou, std::int64_t intersection,
           std::int64_t either);
  void add(std::int64_t image_id, const SentenceScore& sentence);
  /// In the order in which they came first.
  const std::vector<ImageSums>& images() const { return images_; }

 private:
  std::vector<ImageSums> images_;
  std::unordered_map<std::int64_t, std::size_t> place_;  // by image_id
};

/// PointM, mIoU and oIoU in percent.
struct Figures {
  double point_m = 0;
  double miou = 0;
  double oiou = 0;
};

/// The figures of all sentences together; zero where there is none.
Figures figures(std::span<const ImageSums> images);

/// How images are drawn again.
struct Resampling {
  double level = 95;  ///< percent of the resamples that lie within an interval
  std::int64_t resamples = 1000;
  std::uint64_t seed = 0;
};

/// Percentile intervals of the figures: as many images as there are, drawn with replacement, again
/// and again. The same numbers for the same images in the same order. Error for no images.
Intervals bootstrap(std::span<const ImageSums> images, const Resampling& how = {});

/// The same of the figures of `b` minus those of `a`, which are of the same images: each resample
/// draws the same ones of both. Error for another number of images.
Intervals bootstrap_difference(std::span<const ImageSums> a, std::span<const ImageSums> b,
                               const Resampling& how = {});

/// Two-sided p-value of McNemar's exact test: how likely a split of so many sentences, on which
/// just one of two is right, is at least as uneven as this one when both are equally good. 1 when
/// there are none.
double mcnemar_exact(std::int64_t only_a, std::int64_t only_b);

}  // namespace pcnet::metrics
