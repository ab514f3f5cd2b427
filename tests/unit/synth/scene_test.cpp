#include "pcnet/synth/scene.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "pcnet/core/error.h"
#include "pcnet/core/random.h"
#include "pcnet/synth/drawing.h"
#include "pcnet/synth/proposals.h"
#include "pcnet/synth/shapes.h"

namespace pcnet::synth {
namespace {

constexpr std::uint64_t kScenes = 60;

Scene scene_of(const char* difficulty, std::uint64_t number) {
  core::Rng rng({99, number});
  return make_scene(recipe_for(difficulty), rng);
}

TEST(Scene, KeepsMasksApartAndOffTheBorder) {
  for (const char* difficulty : {"easy", "standard", "hard"}) {
    for (std::uint64_t n = 0; n < kScenes; ++n) {
      const Scene scene = scene_of(difficulty, n);
      for (std::int64_t y = 0; y < scene.side; ++y) {
        for (std::int64_t x = 0; x < scene.side; ++x) {
          int owners = 0;
          for (const Object& object : scene.objects) owners += object.mask.at(y, x);
          ASSERT_LE(owners, 1) << difficulty << " scene " << n;
          const auto last = scene.side - 1;
          const bool border = std::min({x, y, last - x, last - y}) < 4;
          ASSERT_FALSE(border && owners > 0) << difficulty << " scene " << n;
        }
      }
    }
  }
}

TEST(Scene, HasTheRecipesNumberOfObjects) {
  for (std::uint64_t n = 0; n < kScenes; ++n) {
    const auto easy = scene_of("easy", n).objects.size();
    const auto standard = scene_of("standard", n).objects.size();
    const auto hard = scene_of("hard", n).objects.size();
    EXPECT_TRUE(easy >= 2 && easy <= 4) << easy;
    EXPECT_TRUE(standard >= 4 && standard <= 5) << standard;
    EXPECT_TRUE(hard >= 5 && hard <= 6) << hard;
  }
}

TEST(Scene, HasNoPatternsWhenEasy) {
  for (std::uint64_t n = 0; n < kScenes; ++n) {
    for (const Object& object : scene_of("easy", n).objects) {
      EXPECT_EQ(object.attributes.pattern, Pattern::kSolid);
    }
  }
}

TEST(Scene, RefusesAnUnknownDifficulty) { EXPECT_THROW(recipe_for("simple"), core::UsageError); }

TEST(Scene, AlwaysHoldsLookAlikesWhenCrowded) {
  const Recipe recipe = crowded(recipe_for("standard"));
  for (std::uint64_t n = 0; n < kScenes; ++n) {
    core::Rng rng({5, n});
    const Scene scene = make_scene(recipe, rng);
    ASSERT_EQ(scene.objects.size(), 5U);
    for (const Object& a : scene.objects) {
      // Every object differs from some other one by at most one attribute.
      const bool alike =
          std::any_of(scene.objects.begin(), scene.objects.end(), [&](const Object& b) {
            const Attributes& p = a.attributes;
            const Attributes& q = b.attributes;
            return &a != &b && (p.shape != q.shape) + (p.colour != q.colour) +
                                       (p.pattern != q.pattern) + (p.size != q.size) <=
                                   1;
          });
      EXPECT_TRUE(alike) << "scene " << n;
    }
  }
}

TEST(LongScene, HoldsLookAlikesAndTwoLandmarks) {
  std::size_t fewest = 99;
  std::size_t most = 0;
  for (std::uint64_t n = 0; n < kScenes; ++n) {
    core::Rng rng({6, n});
    const Scene scene = make_scene(recipe_for("standard", Language::kLong), rng);
    fewest = std::min(fewest, scene.objects.size());
    most = std::max(most, scene.objects.size());
    std::array<std::size_t, 5> shapes = {};
    for (const Object& object : scene.objects) {
      ++shapes[static_cast<std::size_t>(object.attributes.shape)];
      const bool small = object.attributes.size == Size::kSmall;
      EXPECT_GE(object.radius, 0.87 * (small ? 11.0 : 17.5));
      EXPECT_LE(object.radius, 0.87 * (small ? 12.5 : 19.5));
    }
    EXPECT_EQ(*std::max_element(shapes.begin(), shapes.end()), scene.objects.size() - 2);
    for (std::size_t i = 0; i < scene.objects.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        EXPECT_EQ(image::intersection(scene.objects[i].rle, scene.objects[j].rle), 0);
      }
    }
  }
  EXPECT_EQ(fewest, 5U);
  EXPECT_EQ(most, 6U);
}

TEST(Shapes, AreTurnedAsTheMathematicsLibraryWould) {
  for (const double angle : {-0.25, -0.1, 0.0, 0.2, 0.25}) {
    const auto square = outline(Shape::kSquare, 50, 40, 10, angle);
    const double half = reach(Shape::kSquare) / std::sqrt(2.0) * 10;
    // The first corner is the upper left one.
    EXPECT_NEAR(square[0], 50 - half * std::cos(angle) + half * std::sin(angle), 0.006);
    EXPECT_NEAR(square[1], 40 - half * std::sin(angle) - half * std::cos(angle), 0.006);
  }
}

TEST(Shapes, LieBetweenTheirInnerAndOuterDiscs) {
  for (std::size_t i = 0; i < kShapeWords.size(); ++i) {
    const auto shape = static_cast<Shape>(i);
    const auto xy = outline(shape, 0, 0, 100, 0.2);
    double farthest = 0;
    for (std::size_t p = 0; p < xy.size(); p += 2) {
      const double distance = std::hypot(xy[p], xy[p + 1]);
      EXPECT_GE(distance, 100 * inner(shape)) << kShapeWords[i];
      farthest = std::max(farthest, distance);
    }
    EXPECT_NEAR(farthest, 100 * reach(shape), 0.02) << kShapeWords[i];
  }
}

TEST(Drawing, ChangesExactlyThePixelsOfTheMasks) {
  for (std::uint64_t n = 0; n < kScenes; ++n) {
    const Scene scene = scene_of("standard", n);
    Scene empty = scene;
    empty.objects.clear();
    core::Rng with({7, n});
    core::Rng without({7, n});
    const image::Picture picture = draw(scene, with);
    const image::Picture background = draw(empty, without);
    for (std::int64_t y = 0; y < scene.side; ++y) {
      for (std::int64_t x = 0; x < scene.side; ++x) {
        const bool changed =
            !std::equal(picture.pixel(y, x), picture.pixel(y, x) + 3, background.pixel(y, x));
        bool inside = false;
        bool hollow = false;
        for (const Object& object : scene.objects) {
          if (object.mask.at(y, x) == 0) continue;
          inside = true;
          hollow = object.attributes.pattern == Pattern::kHollow;
        }
        if (!hollow) ASSERT_EQ(changed, inside) << "scene " << n << " at " << x << ", " << y;
      }
    }
  }
}

TEST(Proposals, AreNeitherEmptyNorNearlyEqual) {
  for (std::uint64_t n = 0; n < kScenes; ++n) {
    const Scene scene = scene_of("standard", n);
    core::Rng rng({3, n});
    const auto proposals = make_proposals(scene, rng);
    ASSERT_LE(proposals.size(), kMostProposals);
    ASSERT_GE(proposals.size(), 3U);
    for (std::size_t i = 0; i < proposals.size(); ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        double both = 0;
        double either = 0;
        for (std::size_t p = 0; p < proposals[i].data.size(); ++p) {
          both += proposals[i].data[p] != 0 && proposals[j].data[p] != 0 ? 1 : 0;
          either += proposals[i].data[p] != 0 || proposals[j].data[p] != 0 ? 1 : 0;
        }
        EXPECT_GT(either, 0);
        if (i != j) EXPECT_LE(both / either, 0.8);
      }
    }
  }
}

}  // namespace
}  // namespace pcnet::synth
