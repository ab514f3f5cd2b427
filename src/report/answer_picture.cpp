#include "pcnet/report/answer_picture.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "pcnet/image/overlay.h"

namespace pcnet::report {

namespace {

// Smaller pictures are hard to look at: the benchmark's have 96 px.
constexpr std::int64_t kLongestSide = 320;

/// Each value as often as the picture's pixels were repeated, so that the heat shows real cells.
std::vector<float> enlarge_map(std::span<const float> map, const image::Picture& picture,
                               const image::Picture& large) {
  const float maximum = std::max(*std::max_element(map.begin(), map.end()), 1e-12F);
  const std::int64_t factor = large.width / picture.width;
  std::vector<float> values(static_cast<std::size_t>(large.height * large.width));
  for (std::int64_t y = 0; y < large.height; ++y) {
    for (std::int64_t x = 0; x < large.width; ++x) {
      values[static_cast<std::size_t>(y * large.width + x)] =
          map[static_cast<std::size_t>(y / factor * picture.width + x / factor)] / maximum;
    }
  }
  return values;
}

image::Picture captioned(image::Picture picture, const std::string& caption) {
  return caption.empty() ? std::move(picture) : image::with_caption(picture, caption);
}

void draw_large_peak(image::Picture& large, const Answer& answer) {
  const std::int64_t factor = large.width / answer.picture.width;
  image::draw_peak(large, answer.peak.x * factor + factor / 2, answer.peak.y * factor + factor / 2);
}

}  // namespace

image::Picture draw_answer(const Answer& answer) {
  image::Picture large = image::enlarge(answer.picture, kLongestSide);
  const image::Mask mask = image::enlarge(answer.mask, kLongestSide);
  image::tint(large, mask, image::kMagenta, 0.35);
  image::draw_outline(large, mask, image::kMagenta, 2);
  if (answer.truth != nullptr) {
    image::draw_outline(large, image::enlarge(*answer.truth, kLongestSide), image::kGreen, 2);
  }
  draw_large_peak(large, answer);
  return captioned(std::move(large), answer.caption);
}

image::Picture draw_heat(const Answer& answer) {
  const image::Picture large = image::enlarge(answer.picture, kLongestSide);
  image::Picture heat = image::draw_response(large, enlarge_map(answer.map, answer.picture, large));
  draw_large_peak(heat, answer);
  return captioned(std::move(heat), answer.caption);
}

}  // namespace pcnet::report
