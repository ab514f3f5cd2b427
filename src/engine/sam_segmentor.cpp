#include "sam_segmentor.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <utility>

#include <ATen/Parallel.h>

#include "pcnet/core/device.h"
#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/mapped_file.h"
#include "pcnet/core/parallel.h"
#include "pcnet/core/random.h"
#include "pcnet/data/annotations/digest.h"
#include "pcnet/image/mask_points.h"
#include "pcnet/sam/embedding_cache.h"
#include "pcnet/sam/predictor.h"

namespace pcnet::engine {

namespace {

constexpr double kGibibyte = 1024.0 * 1024.0 * 1024.0;

/// Where an object of the ground truth is clicked; nowhere when it has no pixel.
std::optional<image::Pixel> point_of(const image::Mask& truth, config::SamPoint rule,
                                     std::int64_t sent_id) {
  switch (rule) {
    case config::SamPoint::kInterior:
      break;
    case config::SamPoint::kCentroid:
      return image::centroid_point(truth);
    case config::SamPoint::kRandom: {
      core::Rng rng(static_cast<std::uint64_t>(sent_id));
      return image::random_point(truth, rng);
    }
  }
  return image::interior_point(truth);
}

/// The clicks on an image, each place once.
struct Clicks {
  std::vector<sam::Point> points;
  std::vector<std::optional<std::size_t>> of_map;  ///< which is a map's; none: it has no place

  void add(const std::optional<image::Pixel>& place) {
    if (!place) return of_map.push_back(std::nullopt);
    const sam::Point point{static_cast<double>(place->x), static_cast<double>(place->y)};
    const auto found = std::find(points.begin(), points.end(), point);
    of_map.push_back(static_cast<std::size_t>(found - points.begin()));
    if (found == points.end()) points.push_back(point);
  }
};

/// The position of the largest value, the first of equal ones.
template <class ValueOf>
std::int64_t first_largest(std::int64_t count, ValueOf value_of) {
  std::int64_t best = 0;
  auto largest = value_of(best);
  for (std::int64_t i = 1; i < count; ++i) {
    const auto value = value_of(i);
    if (value <= largest) continue;
    largest = value;
    best = i;
  }
  return best;
}

std::vector<image::Mask> all_masks(const sam::MaskDecoderImpl::Masks& decoded,
                                   const sam::Frame& frame) {
  std::vector<image::Mask> all;
  for (std::int64_t i = 0; i < decoded.logits.size(0); ++i) {
    all.push_back(sam::Predictor::mask_of(decoded.logits[i], frame));
  }
  return all;
}

template <class ValueOf>
image::Mask best_of(std::vector<image::Mask> masks, ValueOf value_of) {
  const auto best = first_largest(static_cast<std::int64_t>(masks.size()), [&](std::int64_t i) {
    return value_of(masks[static_cast<std::size_t>(i)]);
  });
  return std::move(masks[static_cast<std::size_t>(best)]);
}

class SamSegmentor : public Segmentor {
 public:
  SamSegmentor(const config::EvalOptions& options, c10::Device device)
      : options_(options),
        digest_(data::digest_of(core::MappedFile(options.sam.weights).bytes())),
        predictor_(sam::load_sam(options.sam.weights, device)) {
    const auto& sam = options.sam;
    if (sam.embeddings.empty()) return;
    cache_.emplace(sam.embeddings, digest_,
                   static_cast<std::uint64_t>(sam.embeddings_size * kGibibyte));
  }

  config::Choice<config::Segmentor> kind() const override { return options_.segmentor; }

  std::vector<Segmentation> segment(const AnsweredImage& image) override {
    Clicks clicks;
    for (const auto& map : image.maps) clicks.add(place_of(map));
    std::vector<Segmentation> all(image.maps.size());
    if (clicks.points.empty()) {
      for (auto& one : all) one.mask = image::Mask(image.height, image.width);
      return all;
    }
    look_at(image);
    const auto decoded = predictor_.clicks(
        clicks.points, is_single() ? sam::Outputs::kSingle : sam::Outputs::kMultiple);
    const Decoded masks{decoded.logits.to(at::kCPU, at::kFloat),
                        decoded.predicted_iou.to(at::kCPU, at::kFloat)};
    core::parallel_for(static_cast<std::int64_t>(all.size()), at::get_num_threads(),
                       [&](std::int64_t i) {
                         const core::LoopsOnThisThread alone;
                         const auto at = static_cast<std::size_t>(i);
                         const auto click = clicks.of_map[at];
                         all[at].mask = click ? choose(masks, *click, image.maps[at])
                                              : image::Mask(image.height, image.width);
                       });
    return all;
  }

  bool is_for_several_threads() const override { return false; }

  nlohmann::ordered_json protocol() const override {
    const bool of_truth = kind() == config::Segmentor::kOraclePoint;
    const bool best_of_three = kind() == config::Segmentor::kOracleBestOf3;
    return {{"segmentor", kind().word()},
            {"sam",
             {{"file", std::filesystem::absolute(options_.sam.weights).lexically_normal().string()},
              {"digest", digest_},
              {"network", predictor_.options().name},
              {"point", of_truth ? options_.sam.point.word() : "peak"},
              {"mask", best_of_three ? "by ground truth" : options_.sam.mask.word()}}}};
  }

 private:
  using Decoded = sam::MaskDecoderImpl::Masks;

  bool is_single() const {
    return kind() != config::Segmentor::kOracleBestOf3 && options_.sam.mask == "single";
  }

  std::optional<image::Pixel> place_of(const AnsweredMap& map) const {
    if (kind() != config::Segmentor::kOraclePoint) return image::Pixel{map.peak.x, map.peak.y};
    return point_of(*map.truth, options_.sam.point, map.sent_id);
  }

  void look_at(const AnsweredImage& image) {
    const image::Picture picture = image.picture();
    if (picture.height != image.height || picture.width != image.width) {
      throw core::Error(core::cat("an image of ", picture.width, " x ", picture.height,
                                  " pixels was answered as one of ", image.width, " x ",
                                  image.height, ": Segment Anything needs it as it is"));
    }
    predictor_.set_image(cache_ ? cache_->embed(predictor_, picture) : predictor_.embed(picture));
  }

  image::Mask choose(const Decoded& decoded, std::size_t click, const AnsweredMap& map) const {
    const auto at = static_cast<std::int64_t>(click);
    const Decoded own{decoded.logits[at], decoded.predicted_iou[at]};
    const sam::Frame& frame = predictor_.image().frame;
    if (kind() != config::Segmentor::kOracleBestOf3) {
      return choose_mask(own, frame, options_.sam.mask, options_.sam.weights);
    }
    return best_of(all_masks(own, frame),
                   [&](const image::Mask& mask) { return iou(mask, *map.truth); });
  }

  config::EvalOptions options_;
  std::string digest_;
  sam::Predictor predictor_;
  std::optional<sam::EmbeddingCache> cache_;
};

}  // namespace

image::Mask choose_mask(const sam::MaskDecoderImpl::Masks& decoded, const sam::Frame& frame,
                        config::SamMask rule, const std::string& weights) {
  if (rule == config::SamMask::kLargest) return best_of(all_masks(decoded, frame), count);
  const auto checked = [&](std::int64_t i) {
    const float value = decoded.predicted_iou.const_data_ptr<float>()[i];
    if (std::isfinite(value)) return value;
    throw core::Error(core::cat(weights, " predicts the IoU ", value,
                                " for a mask, wanted a finite number; is it damaged?"));
  };
  const auto masks = decoded.logits.size(0);
  return sam::Predictor::mask_of(decoded.logits[first_largest(masks, checked)], frame);
}

std::unique_ptr<Segmentor> make_sam_segmentor(const config::EvalOptions& options,
                                              c10::Device device) {
  return std::make_unique<SamSegmentor>(options, device);
}

}  // namespace pcnet::engine
