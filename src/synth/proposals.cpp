#include "pcnet/synth/proposals.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace pcnet::synth {

namespace {

constexpr double kMissing = 0.05;   // of the objects have no mask of their own
constexpr double kHalf = 0.30;      // of the objects have a half mask too
constexpr double kMerged = 0.30;    // of the pictures have two objects in one mask
constexpr double kSameAbove = 0.8;  // IoU above which the later proposal is dropped
constexpr int kFewestBackground = 2;
constexpr int kMostBackground = 5;

std::int64_t area(const image::Mask& mask) {
  return std::count(mask.data.begin(), mask.data.end(), std::uint8_t{1});
}

bool inside(const image::Mask& mask, std::int64_t y, std::int64_t x) {
  return y >= 0 && x >= 0 && y < mask.height && x < mask.width && mask.at(y, x) != 0;
}

// Every pixel for which `keep` holds of its own and its four neighbours' bits.
template <class Keep>
image::Mask by_neighbours(const image::Mask& mask, const Keep& keep) {
  image::Mask out(mask.height, mask.width);
  for (std::int64_t y = 0; y < mask.height; ++y) {
    for (std::int64_t x = 0; x < mask.width; ++x) {
      const int count = inside(mask, y, x) + inside(mask, y - 1, x) + inside(mask, y + 1, x) +
                        inside(mask, y, x - 1) + inside(mask, y, x + 1);
      out.at(y, x) = keep(count) ? 1 : 0;
    }
  }
  return out;
}

image::Mask shifted(const image::Mask& mask, std::int64_t down, std::int64_t right) {
  image::Mask out(mask.height, mask.width);
  for (std::int64_t y = 0; y < mask.height; ++y) {
    for (std::int64_t x = 0; x < mask.width; ++x) {
      out.at(y, x) = inside(mask, y - down, x - right) ? 1 : 0;
    }
  }
  return out;
}

image::Mask roughened(const image::Mask& mask, core::Rng& rng) {
  image::Mask out = mask;
  switch (rng.below(3)) {
    case 0:
      out = by_neighbours(mask, [](int count) { return count == 5; });
      break;
    case 1:
      out = by_neighbours(mask, [](int count) { return count > 0; });
      break;
    default:
      break;
  }
  const auto down = static_cast<std::int64_t>(rng.below(3)) - 1;
  const auto right = static_cast<std::int64_t>(rng.below(3)) - 1;
  return shifted(out, down, right);
}

// The part of the object on one side of a line through its centre.
image::Mask half_of(const Object& object, core::Rng& rng) {
  const double across = rng.uniform(-1.0, 1.0);
  const double down = rng.uniform(-1.0, 1.0);
  image::Mask out = object.mask;
  for (std::int64_t y = 0; y < out.height; ++y) {
    for (std::int64_t x = 0; x < out.width; ++x) {
      const double dx = static_cast<double>(x) + 0.5 - object.x;
      const double dy = static_cast<double>(y) + 0.5 - object.y;
      if (across * dx + down * dy < 0) out.at(y, x) = 0;
    }
  }
  return out;
}

image::Mask united(const image::Mask& a, const image::Mask& b) {
  image::Mask out = a;
  for (std::size_t i = 0; i < out.data.size(); ++i) out.data[i] |= b.data[i];
  return out;
}

// The background cut into the cells of a few random points (Voronoi).
std::vector<image::Mask> background(const Scene& scene, core::Rng& rng) {
  const auto count = static_cast<std::size_t>(kFewestBackground) +
                     rng.below(kMostBackground - kFewestBackground + 1);
  const auto side = static_cast<std::uint64_t>(scene.side);
  std::vector<std::pair<std::int64_t, std::int64_t>> points;
  for (std::size_t i = 0; i < count; ++i) {
    const auto y = static_cast<std::int64_t>(rng.below(side));
    points.emplace_back(y, static_cast<std::int64_t>(rng.below(side)));
  }
  image::Mask taken(scene.side, scene.side);
  for (const Object& object : scene.objects) taken = united(taken, object.mask);
  std::vector<image::Mask> cells(count, image::Mask(scene.side, scene.side));
  for (std::int64_t y = 0; y < scene.side; ++y) {
    for (std::int64_t x = 0; x < scene.side; ++x) {
      if (taken.at(y, x) != 0) continue;
      const auto nearest =
          std::min_element(points.begin(), points.end(), [&](const auto& a, const auto& b) {
            const auto distance = [&](const auto& p) {
              return (p.first - y) * (p.first - y) + (p.second - x) * (p.second - x);
            };
            return distance(a) < distance(b);
          });
      cells[static_cast<std::size_t>(nearest - points.begin())].at(y, x) = 1;
    }
  }
  return cells;
}

double iou(const image::Mask& a, const image::Mask& b) {
  std::int64_t both = 0;
  std::int64_t either = 0;
  for (std::size_t i = 0; i < a.data.size(); ++i) {
    both += a.data[i] & b.data[i];
    either += a.data[i] | b.data[i];
  }
  return either == 0 ? 0.0 : static_cast<double>(both) / static_cast<double>(either);
}

// Largest first; a mask too like a kept one is dropped, and so are empty ones.
std::vector<image::Mask> distinct(const std::vector<image::Mask>& all) {
  std::vector<std::pair<std::int64_t, std::size_t>> order;
  for (std::size_t i = 0; i < all.size(); ++i) order.emplace_back(-area(all[i]), i);
  std::sort(order.begin(), order.end());
  std::vector<image::Mask> kept;
  for (const auto& [negative_area, index] : order) {
    if (negative_area == 0 || kept.size() == kMostProposals) break;
    const bool known = std::any_of(kept.begin(), kept.end(), [&, i = index](const auto& mask) {
      return iou(mask, all[i]) > kSameAbove;
    });
    if (!known) kept.push_back(all[index]);
  }
  return kept;
}

}  // namespace

std::vector<image::Mask> make_proposals(const Scene& scene, core::Rng& rng) {
  std::vector<image::Mask> all;
  for (const Object& object : scene.objects) {
    if (!rng.chance(kMissing)) all.push_back(roughened(object.mask, rng));
    if (rng.chance(kHalf)) all.push_back(half_of(object, rng));
  }
  for (image::Mask& cell : background(scene, rng)) all.push_back(std::move(cell));
  if (scene.objects.size() > 1 && rng.chance(kMerged)) {
    const auto a = static_cast<std::size_t>(rng.below(scene.objects.size()));
    const auto step = 1 + rng.below(scene.objects.size() - 1);
    const auto b = static_cast<std::size_t>((a + step) % scene.objects.size());
    all.push_back(united(scene.objects[a].mask, scene.objects[b].mask));
  }
  return distinct(all);
}

}  // namespace pcnet::synth
