#include "pcnet/report/terminal_picture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "pcnet/core/base64.h"
#include "pcnet/core/format.h"
#include "pcnet/image/fit.h"

namespace pcnet::report {

using core::cat;

namespace {

constexpr int kLevels = 6;  // of each colour
constexpr std::int64_t kBand = 6;

/// The nearest of the levels 0, 51, ... 255.
int even_level(int value) { return (value * (kLevels - 1) + 127) / 255; }

int even_colour(const std::uint8_t* rgb) {
  return (even_level(rgb[0]) * kLevels + even_level(rgb[1])) * kLevels + even_level(rgb[2]);
}

/// So many times the same six pixels; short for more than three.
void append_run(std::string& out, std::int64_t count, int pixels) {
  const char shown = static_cast<char>('?' + pixels);
  if (count > 3) {
    out += cat("!", count, shown);
  } else {
    out.append(static_cast<std::size_t>(count), shown);
  }
}

/// Six rows of a colour; what is blank at the end is left out.
std::string band_of(const std::vector<int>& columns) {
  std::string out;
  std::int64_t count = 0;
  for (std::size_t x = 0; x < columns.size(); ++x) {
    ++count;
    if (x + 1 < columns.size() && columns[x + 1] == columns[x]) continue;
    if (x + 1 < columns.size() || columns[x] != 0) append_run(out, count, columns[x]);
    count = 0;
  }
  return out;
}

/// The nearest level of the palette of 256 colours.
int palette_level(int value) {
  constexpr std::array kValues = {0, 95, 135, 175, 215, 255};
  const auto nearer = [&](int a, int b) { return std::abs(a - value) < std::abs(b - value); };
  return static_cast<int>(std::min_element(kValues.begin(), kValues.end(), nearer) -
                          kValues.begin());
}

std::string colour_code(const char* ground, const std::uint8_t* rgb, bool true_colour) {
  if (true_colour) return cat("\x1b[", ground, ";2;", +rgb[0], ";", +rgb[1], ";", +rgb[2], "m");
  const int index =
      16 + 36 * palette_level(rgb[0]) + 6 * palette_level(rgb[1]) + palette_level(rgb[2]);
  return cat("\x1b[", ground, ";5;", index, "m");
}

}  // namespace

TerminalKind terminal_kind(const std::function<std::string(const char*)>& variable,
                           const std::function<std::string()>& asked) {
  const std::string term = variable("TERM");
  // tmux and screen hand on the environment, but no graphics of the terminal around them.
  const bool inside =
      !variable("TMUX").empty() || term.starts_with("screen") || term.starts_with("tmux");
  const bool kitty = term == "xterm-kitty" || term == "xterm-ghostty" ||
                     !variable("KITTY_WINDOW_ID").empty() || variable("TERM_PROGRAM") == "ghostty";
  if (kitty && !inside) return TerminalKind::kKitty;
  // "ESC [ ? 62 ; 4 ; 22 c": the kind of terminal, then what it can; 4 is sixels.
  const std::string answer = asked();
  const std::size_t end = answer.find('c');
  for (std::size_t at = answer.find(';'); at < end; at = answer.find(';', at + 1)) {
    const std::size_t next = std::min(answer.find(';', at + 1), end);
    if (end != std::string::npos && answer.substr(at + 1, next - at - 1) == "4") {
      return TerminalKind::kSixel;
    }
  }
  return TerminalKind::kBlocks;
}

std::string sixel_picture(const image::Picture& picture) {
  std::string out = cat("\x1bP0;1;0q\"1;1;", picture.width, ";", picture.height);
  constexpr int kStep = 100 / (kLevels - 1);  // a colour counts from 0 to 100
  for (int i = 0; i < kLevels * kLevels * kLevels; ++i) {
    out += cat("#", i, ";2;", i / (kLevels * kLevels) * kStep, ";", i / kLevels % kLevels * kStep,
               ";", i % kLevels * kStep);
  }
  for (std::int64_t top = 0; top < picture.height; top += kBand) {
    std::array<std::vector<int>, kLevels * kLevels * kLevels> bands;  // of each colour
    for (std::int64_t y = top; y < std::min(picture.height, top + kBand); ++y) {
      for (std::int64_t x = 0; x < picture.width; ++x) {
        auto& columns = bands[static_cast<std::size_t>(even_colour(picture.pixel(y, x)))];
        columns.resize(static_cast<std::size_t>(picture.width));
        columns[static_cast<std::size_t>(x)] |= 1 << (y - top);
      }
    }
    for (std::size_t colour = 0; colour < bands.size(); ++colour) {
      if (!bands[colour].empty()) out += cat("#", colour, band_of(bands[colour]), "$");
    }
    if (top + kBand < picture.height) out += '-';
  }
  return out + "\x1b\\";
}

std::string kitty_picture(const image::Picture& picture) {
  constexpr std::size_t kChunk = 4096;
  const std::string data = core::to_base64(image::encode_png(picture));
  std::string out;
  for (std::size_t at = 0; at < data.size(); at += kChunk) {
    const bool more = at + kChunk < data.size();
    // A PNG (f=100), shown at once (a=T), not answered (q=2).
    out += cat("\x1b_G", at == 0 ? "f=100,a=T,q=2," : "", "m=", more ? 1 : 0, ";",
               data.substr(at, kChunk), "\x1b\\");
  }
  return out;
}

std::string block_picture(const image::Picture& picture, bool true_colour) {
  std::string out;
  for (std::int64_t y = 0; y < picture.height; y += 2) {
    std::string last;
    for (std::int64_t x = 0; x < picture.width; ++x) {
      std::string colours = colour_code("38", picture.pixel(y, x), true_colour);
      if (y + 1 < picture.height) {
        colours += colour_code("48", picture.pixel(y + 1, x), true_colour);
      }
      if (colours != last) out += colours;
      out += "\u2580";
      last = std::move(colours);
    }
    out += "\x1b[0m\n";
  }
  return out;
}

image::Picture shrink_into(const image::Picture& picture, std::int64_t height, std::int64_t width) {
  if (picture.height <= height && picture.width <= width) return picture;
  const auto ratio = [](std::int64_t room, std::int64_t side) {
    return static_cast<double>(room) / static_cast<double>(side);
  };
  const double scale = std::min(ratio(height, picture.height), ratio(width, picture.width));
  const auto longest = static_cast<double>(std::max(picture.height, picture.width));
  return image::fit(picture, std::max<std::int64_t>(std::llround(longest * scale), 1));
}

}  // namespace pcnet::report
