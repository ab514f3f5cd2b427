#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace pcnet::sam {

/// Numbers that all of SAM's networks share (docs/sam.md#networks).
inline constexpr std::int64_t kFeatures = 256;  ///< channels of an embedding and of the decoder
inline constexpr std::int64_t kStride = 16;     ///< pixels a cell of the embedding is wide
inline constexpr std::int64_t kMasks = 4;       ///< of the decoder: one alone, and three of a click

/// The plain vision transformer of ViT-B, L and H.
struct VisionTransformerOptions {
  std::int64_t width = 768;
  std::int64_t blocks = 12;
  std::int64_t heads = 12;
  std::vector<std::int64_t> global_blocks = {2, 5, 8, 11};  ///< the others attend in windows
  std::int64_t window = 14;                                 ///< cells

  bool operator==(const VisionTransformerOptions&) const = default;
};

/// MobileSAM's TinyViT. The first layer is of convolutions: its heads and window say nothing.
struct TinyVitOptions {
  std::array<std::int64_t, 4> widths = {64, 128, 160, 320};
  std::array<std::int64_t, 4> blocks = {2, 2, 6, 2};
  std::array<std::int64_t, 4> heads = {2, 4, 5, 10};
  std::array<std::int64_t, 4> windows = {7, 7, 14, 7};

  bool operator==(const TinyVitOptions&) const = default;
};

/// Which SAM.
struct SamOptions {
  std::string name = "ViT-B";  ///< "ViT-B", "ViT-L", "ViT-H", "MobileSAM"; empty for any other
  bool tiny = false;           ///< the image encoder is a TinyViT
  VisionTransformerOptions vit;
  TinyVitOptions tiny_vit;
  std::int64_t side = 1024;  ///< px of the square that the image encoder sees

  /// Cells of an embedding along a side.
  std::int64_t grid() const { return side / kStride; }
};

/// The published SAMs with a plain vision transformer: B, L and H.
std::vector<SamOptions> published_sams();
SamOptions mobile_sam();

}  // namespace pcnet::sam
