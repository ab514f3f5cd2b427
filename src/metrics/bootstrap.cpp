#include "pcnet/metrics/bootstrap.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/random.h"

namespace pcnet::metrics {

namespace {

void add_to(ImageSums& sum, const ImageSums& image) {
  sum.sentences += image.sentences;
  sum.hits += image.hits;
  sum.intersection += image.intersection;
  sum.union_ += image.union_;
  sum.iou += image.iou;
}

Figures figures_of(const ImageSums& sum) {
  const auto percent = [](double part, std::int64_t whole) {
    return whole == 0 ? 0.0 : 100.0 * part / static_cast<double>(whole);
  };
  return {percent(static_cast<double>(sum.hits), sum.sentences), percent(sum.iou, sum.sentences),
          percent(static_cast<double>(sum.intersection), sum.union_)};
}

/// Between the two nearest of the sorted values, as numpy.percentile has it.
double percentile(const std::vector<double>& sorted, double percent) {
  const double place = percent / 100 * static_cast<double>(sorted.size() - 1);
  const double below = std::floor(place);
  const auto at = static_cast<std::size_t>(below);
  const double next = sorted[std::min(at + 1, sorted.size() - 1)];
  return sorted[at] + (place - below) * (next - sorted[at]);
}

Interval interval_of(std::vector<double>& values, double level) {
  std::sort(values.begin(), values.end());
  return {percentile(values, (100 - level) / 2), percentile(values, (100 + level) / 2)};
}

/// @param figures_of_draw the figures of the images at these places
template <class FiguresOfDraw>
Intervals resample(std::size_t images, const Resampling& how, FiguresOfDraw figures_of_draw) {
  if (images == 0 || how.resamples < 1) {
    throw core::Error(
        core::cat("nothing to resample: ", images, " images, ", how.resamples, " resamples"));
  }
  std::array<std::vector<double>, 3> values;
  std::vector<std::size_t> drawn(images);
  core::Rng rng(how.seed);
  for (std::int64_t i = 0; i < how.resamples; ++i) {
    for (auto& place : drawn) place = rng.below(images);
    const Figures found = figures_of_draw(drawn);
    values[0].push_back(found.point_m);
    values[1].push_back(found.miou);
    values[2].push_back(found.oiou);
  }
  return {interval_of(values[0], how.level), interval_of(values[1], how.level),
          interval_of(values[2], how.level)};
}

Figures figures_at(std::span<const ImageSums> images, const std::vector<std::size_t>& places) {
  ImageSums sum;
  for (const auto place : places) add_to(sum, images[place]);
  return figures_of(sum);
}

}  // namespace

void SumsByImage::add(std::int64_t image_id, bool hit, double iou, std::int64_t intersection,
                      std::int64_t either) {
  const auto [place, added] = place_.emplace(image_id, images_.size());
  if (added) images_.emplace_back();
  add_to(images_[place->second], {1, hit ? 1 : 0, intersection, either, iou});
}

void SumsByImage::add(std::int64_t image_id, const SentenceScore& sentence) {
  add(image_id, sentence.hit, iou(sentence), sentence.intersection, sentence.union_);
}

Figures figures(std::span<const ImageSums> images) {
  ImageSums sum;
  for (const auto& image : images) add_to(sum, image);
  return figures_of(sum);
}

Intervals bootstrap(std::span<const ImageSums> images, const Resampling& how) {
  return resample(images.size(), how,
                  [&](const auto& places) { return figures_at(images, places); });
}

Intervals bootstrap_difference(std::span<const ImageSums> a, std::span<const ImageSums> b,
                               const Resampling& how) {
  if (a.size() != b.size()) {
    throw core::Error(
        core::cat("to be compared image by image: ", a.size(), " images and ", b.size()));
  }
  return resample(a.size(), how, [&](const auto& places) {
    const Figures of_a = figures_at(a, places);
    const Figures of_b = figures_at(b, places);
    return Figures{of_b.point_m - of_a.point_m, of_b.miou - of_a.miou, of_b.oiou - of_a.oiou};
  });
}

double mcnemar_exact(std::int64_t only_a, std::int64_t only_b) {
  const std::int64_t all = only_a + only_b;
  const std::int64_t fewer = std::min(only_a, only_b);
  // Logarithms: 2^-all is no double for some thousand sentences.
  double log_ways = 0;
  double tail = 0;
  for (std::int64_t k = 0; k <= fewer; ++k) {
    if (k > 0) log_ways += std::log(static_cast<double>(all - k + 1) / static_cast<double>(k));
    tail += std::exp(log_ways - static_cast<double>(all) * std::log(2.0));
  }
  return std::min(1.0, 2 * tail);
}

}  // namespace pcnet::metrics
