#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "pcnet/image/picture.h"

namespace pcnet::image {

/// Red, green, blue.
using Colour = std::array<std::uint8_t, 3>;

inline constexpr Colour kGreen = {46, 204, 64};
inline constexpr Colour kOrange = {255, 133, 27};
inline constexpr Colour kBlue = {0, 116, 217};
inline constexpr Colour kMagenta = {240, 18, 190};

/// The picture, each pixel repeated by the smallest whole factor that makes the longest side at
/// least `min_longest_side`.
Picture enlarge(const Picture& picture, std::int64_t min_longest_side);
/// The same for a mask.
Mask enlarge(const Mask& mask, std::int64_t min_longest_side);

/// Heat (blue over green to red) of a map [height, width] of 0 to 1 over the picture. `opacity`
/// is that of the largest values, small ones let the picture shine through. Error for another size.
Picture draw_response(const Picture& picture, std::span<const float> map, double opacity = 0.65);

/// The outline of the mask, inside of it, `thickness` pixels wide. Error for another size.
void draw_outline(Picture& picture, const Mask& mask, Colour colour, int thickness = 2);

/// Colours the mask's pixels. Error for another size.
void tint(Picture& picture, const Mask& mask, Colour colour, double opacity = 0.45);

/// The mask stands out: what is around it is darker, its border in the colour on black. Error for
/// another size.
void spotlight(Picture& picture, const Mask& mask, Colour colour);

/// The text in the middle of the mask's thickest part, light on dark; nothing for an empty mask.
/// ASCII only. Error for another size.
void draw_label(Picture& picture, const Mask& mask, const std::string& text);

/// A cross at column x, row y that is seen on any ground; Error when that is outside.
void draw_peak(Picture& picture, std::int64_t x, std::int64_t y);

/// The picture under a strip with the text, wrapped to the picture's width; the strip grows with
/// the lines. The font has ASCII only: each other letter becomes '?'.
Picture with_caption(const Picture& picture, const std::string& text);

/// A contact sheet, row by row, cells as large as the largest picture with a light gap, pictures
/// at the bottom of their cells. Error for no pictures or columns below 1.
Picture sheet(std::span<const Picture> pictures, std::int64_t columns);

/// Pictures below each other at the left of a light ground. Error for none.
Picture stack(std::span<const Picture> pictures);

}  // namespace pcnet::image
