#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "pcnet/image/picture.h"

namespace pcnet::report {

/// How a terminal shows a picture.
enum class TerminalKind {
  kSixel,   ///< bands of six rows, as DEC's terminals do
  kKitty,   ///< kitty's graphics protocol
  kBlocks,  ///< the character of an upper half in two colours
};

/// What a terminal can show.
/// @param variable looks one up in the environment; empty: it is not set
/// @param asked the terminal's answer to `ESC [ c`, asked only where the environment says nothing
TerminalKind terminal_kind(const std::function<std::string(const char*)>& variable,
                           const std::function<std::string()>& asked);

/// A picture in the 216 colours of a cube, for terminals with sixels.
std::string sixel_picture(const image::Picture& picture);
/// A picture as it is, for terminals with kitty's protocol.
std::string kitty_picture(const image::Picture& picture);
/// A picture as half blocks, a character for two pixels above each other.
/// @param true_colour 24 bits a colour, or the nearest of the 6 x 6 x 6 of a palette of 256
std::string block_picture(const image::Picture& picture, bool true_colour);

/// The picture shrunk to fit into so many pixels, never enlarged. Error for sides below 1.
image::Picture shrink_into(const image::Picture& picture, std::int64_t height, std::int64_t width);

}  // namespace pcnet::report
