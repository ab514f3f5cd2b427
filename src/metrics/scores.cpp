#include "pcnet/metrics/scores.h"

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::metrics {

namespace {

constexpr int kFirstTenth = 5;  // Prec@0.5

}  // namespace

double iou(const SentenceScore& sentence) {
  if (sentence.union_ == 0) return 0;
  return static_cast<double>(sentence.intersection) / static_cast<double>(sentence.union_);
}

void ScoreAccumulator::add(const SentenceScore& sentence) {
  if (sentence.intersection < 0 || sentence.intersection > sentence.union_) {
    throw core::Error(core::cat("a sentence's masks have ", sentence.intersection,
                                " pixels in common and ", sentence.union_,
                                " in their union: the first must be from 0 to the second"));
  }
  ++sentences_;
  hits_ += sentence.hit ? 1 : 0;
  box_hits_ += sentence.hit_box ? 1 : 0;
  intersection_ += sentence.intersection;
  union_ += sentence.union_;
  iou_sum_ += iou(sentence);
  (sentence.hit ? iou_sum_of_hits_ : iou_sum_of_misses_) += iou(sentence);
  for (std::size_t i = 0; i < above_.size(); ++i) {
    // In whole numbers: 7 of 10 pixels are not above 0.7, whatever 0.7 is in binary.
    const std::int64_t tenths = kFirstTenth + static_cast<std::int64_t>(i);
    above_[i] += 10 * sentence.intersection > tenths * sentence.union_ ? 1 : 0;
  }
}

Scores ScoreAccumulator::result() const {
  if (sentences_ == 0) throw core::Error("no sentence was evaluated: the split is empty");
  const auto percent = [](double part, std::int64_t whole) {
    return whole == 0 ? 0.0 : 100.0 * part / static_cast<double>(whole);
  };
  Scores scores;
  scores.sentences = sentences_;
  scores.point_m = percent(static_cast<double>(hits_), sentences_);
  scores.point_m_box = percent(static_cast<double>(box_hits_), sentences_);
  scores.miou = percent(iou_sum_, sentences_);
  const std::int64_t misses = sentences_ - hits_;
  if (hits_ > 0) scores.miou_hit = percent(iou_sum_of_hits_, hits_);
  if (misses > 0) scores.miou_miss = percent(iou_sum_of_misses_, misses);
  scores.oiou = percent(static_cast<double>(intersection_), union_);
  for (std::size_t i = 0; i < above_.size(); ++i) {
    scores.precision[core::cat("0.", kFirstTenth + static_cast<int>(i))] =
        percent(static_cast<double>(above_[i]), sentences_);
  }
  return scores;
}

}  // namespace pcnet::metrics
