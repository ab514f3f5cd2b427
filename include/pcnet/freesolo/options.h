#pragma once

#include <array>
#include <cstdint>

namespace pcnet::freesolo {

/// Levels of the feature pyramid that instances are looked for on, the finest first.
inline constexpr std::size_t kLevels = 5;

/// Which network (docs/freesolo.md#network); by default the one that was released, with ResNet-101.
struct NetworkOptions {
  std::array<std::int64_t, 4> blocks = {3, 4, 23, 3};  ///< bottlenecks of the ResNet's layers
  std::int64_t width = 64;  ///< channels of the stem and inside the first layer; each layer doubles
  std::int64_t channels = 256;  ///< of the feature pyramid
  std::array<std::int64_t, kLevels> grids = {40, 36, 24, 16,
                                             12};  ///< cells of a side of each level
  std::int64_t tower_width = 512;  ///< channels of the two towers before the head's answers
  std::int64_t tower_depth = 4;    ///< convolutions of a tower
  std::int64_t classes = 2;        ///< what a cell has a probability of
  std::int64_t kernel = 256;       ///< numbers of a cell's kernel, channels of the mask features
  std::int64_t mask_width = 128;   ///< channels of the mask branch before its last convolution
  std::int64_t groups = 32;        ///< of the group norms
};

/// How an image is made ready (docs/freesolo.md#input).
struct InputOptions {
  std::int64_t shortest_side = 800;  ///< px, unless the longest would exceed its own bound
  std::int64_t longest_side = 1333;  ///< px at most; 0: any
};

/// Which of the cells become proposals (docs/freesolo.md#from-cells-to-proposals).
struct SelectionOptions {
  double probability = 0.1;  ///< of a cell's class, to be exceeded
  double mask = 0.5;         ///< soft value of a pixel, to be exceeded
  /// A mask holds more pixels of the mask features than this; its level's stride in the original.
  std::array<std::int64_t, kLevels> least_area = {8, 8, 16, 32, 32};
  std::int64_t most_before = 500;  ///< masks that enter the non-maximum suppression
  double sigma = 2;                ///< of its Gaussian: how fast scores fall with overlap
  double score = 0.05;             ///< smallest score after it
  std::int64_t most = 100;         ///< proposals of an image
};

}  // namespace pcnet::freesolo
