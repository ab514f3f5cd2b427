#include "pcnet/proposals/grid_proposals.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <opencv2/imgproc.hpp>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

#include "region_tree.h"
#include "superpixels.h"

namespace pcnet::proposals {

namespace {

cv::Mat pixels_of(image::Picture& picture) {
  return {static_cast<int>(picture.height), static_cast<int>(picture.width), CV_8UC3,
          picture.rgb.data()};
}

image::Picture shrunk(image::Picture picture, std::int64_t side) {
  const std::int64_t longest = std::max(picture.height, picture.width);
  if (longest <= side) return picture;
  const auto scaled = [&](std::int64_t length) {
    return std::max<std::int64_t>(1, (length * side + longest / 2) / longest);
  };
  image::Picture small(scaled(picture.height), scaled(picture.width));
  cv::Mat to = pixels_of(small);
  cv::resize(pixels_of(picture), to, to.size(), 0, 0, cv::INTER_AREA);
  return small;
}

/// Strong edges all around; larger regions come first of those with equal edges.
double score(const Region& region) {
  const auto outline = static_cast<double>(std::max<std::int64_t>(1, region.outline));
  return static_cast<double>(region.contrast) / outline *
         std::sqrt(static_cast<double>(region.area));
}

/// True when one is a part of the other and covers more than that share of it: two regions of a
/// tree overlap in no other way.
bool alike(const std::vector<Region>& tree, std::int32_t a, std::int32_t b, double share) {
  if (a > b) std::swap(a, b);  // a part has the smaller number
  std::int32_t above = a;
  while (above >= 0 && above < b) above = tree[static_cast<std::size_t>(above)].parent;
  const auto part = static_cast<double>(tree[static_cast<std::size_t>(a)].area);
  return above == b && part > share * static_cast<double>(tree[static_cast<std::size_t>(b)].area);
}

/// The best regions, without those too like a better one.
std::vector<std::int32_t> best(const std::vector<Region>& tree,
                               const config::GridProposalOptions& options) {
  const auto pixels = static_cast<double>(tree.back().area);
  std::vector<std::pair<double, std::int32_t>> order;
  for (std::size_t i = 0; i < tree.size(); ++i) {
    const double share = static_cast<double>(tree[i].area) / pixels;
    const bool wanted =
        share >= options.smallest && share <= options.largest && tree[i].parent >= 0;
    if (wanted) order.emplace_back(-score(tree[i]), static_cast<std::int32_t>(i));
  }
  std::sort(order.begin(), order.end());
  std::vector<std::int32_t> kept;
  for (const auto& [negative, i] : order) {
    if (static_cast<std::int64_t>(kept.size()) == options.most) break;
    const bool known = std::any_of(kept.begin(), kept.end(), [&, region = i](std::int32_t other) {
      return alike(tree, region, other, options.overlap);
    });
    if (!known) kept.push_back(i);
  }
  return kept;
}

/// The superpixels at the size of the whole picture, as runs down its columns: label and length.
std::vector<std::pair<std::int32_t, std::uint32_t>> column_runs(const Superpixels& found,
                                                                std::int64_t height,
                                                                std::int64_t width) {
  std::vector<std::pair<std::int32_t, std::uint32_t>> runs;
  for (std::int64_t x = 0; x < width; ++x) {
    const std::int64_t column = (2 * x + 1) * found.width / (2 * width);
    for (std::int64_t y = 0; y < height; ++y) {
      const std::int32_t label = found.at((2 * y + 1) * found.height / (2 * height), column);
      if (runs.empty() || runs.back().first != label) runs.emplace_back(label, 0);
      ++runs.back().second;
    }
  }
  return runs;
}

void mark_superpixels(const std::vector<Region>& tree, std::int32_t region,
                      std::vector<bool>& inside) {
  std::vector<std::int32_t> open = {region};
  while (!open.empty()) {
    const std::int32_t i = open.back();
    open.pop_back();
    const Region& one = tree[static_cast<std::size_t>(i)];
    if (one.left < 0) {
      inside[static_cast<std::size_t>(i)] = true;
    } else {
      open.insert(open.end(), {one.left, one.right});
    }
  }
}

}  // namespace

std::vector<image::Rle> grid_proposals(const image::Picture& picture,
                                       const config::GridProposalOptions& options) {
  if (picture.height < 1 || picture.width < 1) {
    throw core::Error(core::cat("grid proposals: a picture of ", picture.width, " x ",
                                picture.height, " has no pixels"));
  }
  const image::Picture small = shrunk(picture, options.side);
  const auto pixels = static_cast<double>(small.height * small.width);
  const auto least = static_cast<std::int64_t>(options.superpixel_area * pixels);
  const Superpixels found = superpixels(small, options.scale, least);
  const std::vector<Region> tree = region_tree(small, found);
  const auto runs = column_runs(found, picture.height, picture.width);
  std::vector<image::Rle> masks;
  for (const std::int32_t region : best(tree, options)) {
    std::vector<bool> inside(static_cast<std::size_t>(found.count));
    mark_superpixels(tree, region, inside);
    image::Rle mask{picture.height, picture.width, {0}};
    for (const auto& [label, length] : runs) {
      const bool one = mask.counts.size() % 2 == 0;
      if (inside[static_cast<std::size_t>(label)] != one) mask.counts.push_back(0);
      mask.counts.back() += length;
    }
    masks.push_back(std::move(mask));
  }
  return masks;
}

}  // namespace pcnet::proposals
