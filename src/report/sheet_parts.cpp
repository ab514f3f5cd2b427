#include "sheet_parts.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/image/fit.h"

namespace pcnet::report {

namespace {

constexpr std::size_t kLongestText = 300;

std::string shortened(const std::string& text) {
  return text.size() <= kLongestText ? text : text.substr(0, kLongestText) + " ...";
}

}  // namespace

image::Picture picture_or_grey(data::Dataset& dataset, const data::ImageRecord& record,
                               std::string& fault) {
  try {
    return dataset.pictures().original(record.image_id);
  } catch (const core::Error& error) {
    fault = error.what();
  }
  image::Picture grey(record.height, record.width);
  std::fill(grey.rgb.begin(), grey.rgb.end(), std::uint8_t{160});
  return grey;
}

image::Picture under_lines(const image::Picture& picture, const std::vector<std::string>& lines,
                           std::int64_t width) {
  image::Picture out = image::widen(picture, width);
  for (std::size_t i = lines.size(); i-- > 0;) {  // from below upwards
    out = image::with_caption(out, shortened(lines[i]));
  }
  return out;
}

image::Colour colour_of(std::size_t number) {
  // Steps of the golden ratio round the colour circle.
  double whole = 0;
  const double hue = std::modf(0.1 + 0.618034 * static_cast<double>(number), &whole);
  image::Colour colour{};
  for (std::size_t c = 0; c < 3; ++c) {
    const double place = std::modf(hue + static_cast<double>(c) / 3, &whole);
    const double value = std::clamp(std::abs(6 * place - 3) - 1, 0.0, 1.0);
    colour[c] = static_cast<std::uint8_t>(40 + std::lround(215 * value));
  }
  return colour;
}

void paint_masks(image::Picture& picture, const std::vector<const image::Rle*>& masks,
                 std::int64_t side, bool numbered) {
  std::vector<std::size_t> order(masks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return image::area(*masks[a]) > image::area(*masks[b]);
  });
  std::vector<image::Mask> fitted;
  for (const std::size_t i : order) {
    fitted.push_back(image::fit(image::decode(*masks[i]), side));
    image::tint(picture, fitted.back(), colour_of(i), 0.2);
    image::draw_outline(picture, fitted.back(), colour_of(i), 2);
  }
  if (!numbered) return;
  for (std::size_t k = 0; k < order.size(); ++k) {
    image::draw_label(picture, fitted[k], core::cat(order[k]));
  }
}

}  // namespace pcnet::report
