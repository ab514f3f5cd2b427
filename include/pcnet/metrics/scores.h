#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace pcnet::metrics {

/// How one sentence was answered.
struct SentenceScore {
  bool hit = false;               ///< the peak lies in the ground-truth mask
  bool hit_box = false;           ///< the peak lies in the ground-truth box
  std::int64_t intersection = 0;  ///< pixels in both masks
  std::int64_t union_ = 0;        ///< pixels in either mask
};

/// Intersection over union, 0 to 1; an empty union counts as 0.
double iou(const SentenceScore& sentence);

/// From where to where a figure may lie, in its own unit.
struct Interval {
  double low = 0;
  double high = 0;
};

/// Intervals of the figures that stand in tables (metrics/bootstrap.h).
struct Intervals {
  Interval point_m;
  Interval miou;
  Interval oiou;
};

/// The figures of a split, all in percent except the number of sentences.
struct Scores {
  std::int64_t sentences = 0;
  double point_m = 0;                       ///< sentences whose peak hits the mask
  double point_m_box = 0;                   ///< sentences whose peak hits the box
  double miou = 0;                          ///< mean of the sentences' IoU
  std::optional<double> miou_hit;           ///< of those whose peak hits the mask, if there is one
  std::optional<double> miou_miss;          ///< of the others, if there is one
  double oiou = 0;                          ///< sum of intersections over sum of unions
  std::map<std::string, double> precision;  ///< "0.5" to "0.9": sentences with an IoU above that
  std::optional<Intervals> intervals;       ///< of those that are reported; none while training
};

/// Gathers sentences one by one; every sentence counts on its own.
class ScoreAccumulator {
 public:
  /// Error when the counts contradict each other (negative, or more in both than in either).
  void add(const SentenceScore& sentence);
  /// Error when no sentence was added.
  Scores result() const;

 private:
  std::int64_t sentences_ = 0;
  std::int64_t hits_ = 0;
  std::int64_t box_hits_ = 0;
  std::int64_t intersection_ = 0;
  std::int64_t union_ = 0;
  double iou_sum_ = 0;
  double iou_sum_of_hits_ = 0;
  double iou_sum_of_misses_ = 0;
  std::array<std::int64_t, 5> above_{};
};

}  // namespace pcnet::metrics
