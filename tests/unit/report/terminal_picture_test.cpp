#include "pcnet/report/terminal_picture.h"

#include <cstdlib>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pcnet/core/files.h"

#include "support/temporary_folder.h"

namespace pcnet::report {
namespace {

/// Colours that no two neighbours share.
image::Picture mosaic(std::int64_t height, std::int64_t width) {
  image::Picture picture(height, width);
  for (std::size_t i = 0; i < picture.rgb.size(); ++i) {
    picture.rgb[i] = static_cast<std::uint8_t>(i * 37 + i / 7 * 11);
  }
  return picture;
}

/// Reads numbers and characters front to back.
struct Reader {
  const std::string& text;
  std::size_t at = 0;

  bool take(const std::string& wanted) {
    if (text.compare(at, wanted.size(), wanted) != 0) return false;
    at += wanted.size();
    return true;
  }
  int number() {
    const std::size_t begin = at;
    while (at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])) != 0) ++at;
    return std::stoi(text.substr(begin, at - begin));
  }
};

/// A decoder of sixels by the manual of the VT340: `"` size, `#` colour, `!` repeats, `$` back to
/// the left, `-` six rows down; `?` to `~` are six pixels, the lowest bit above.
image::Picture decode_sixels(const std::string& text) {
  Reader in{text};
  EXPECT_TRUE(in.take("\x1bP0;1;0q\"1;1;"));
  const int width = in.number();
  EXPECT_TRUE(in.take(";"));
  const int height = in.number();
  image::Picture picture(height, width);
  std::map<int, std::array<int, 3>> palette;
  std::int64_t x = 0;
  std::int64_t top = 0;
  int colour = 0;
  while (!in.take("\x1b\\")) {
    int count = 1;
    if (in.take("#")) {
      colour = in.number();
      if (in.take(";2")) {
        for (int& part : palette[colour]) part = in.take(";") ? in.number() : -1;
      }
      continue;
    }
    if (in.take("$")) {
      x = 0;
      continue;
    }
    if (in.take("-")) {
      x = 0;
      top += 6;
      continue;
    }
    if (in.take("!")) count = in.number();
    const int pixels = text.at(in.at++) - '?';
    EXPECT_TRUE(pixels >= 0 && pixels < 64);
    for (; count > 0; --count, ++x) {
      for (int row = 0; row < 6; ++row) {
        if ((pixels >> row & 1) == 0) continue;
        for (std::size_t c = 0; c < 3; ++c) {
          picture.pixel(top + row, x)[c] =
              static_cast<std::uint8_t>((palette.at(colour)[c] * 255 + 50) / 100);
        }
      }
    }
  }
  EXPECT_EQ(in.at, text.size());
  return picture;
}

int largest_difference(const image::Picture& a, const image::Picture& b) {
  EXPECT_EQ(a.height, b.height);
  EXPECT_EQ(a.width, b.width);
  int most = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i)
    most = std::max(most, std::abs(a.rgb[i] - b.rgb[i]));
  return most;
}

TEST(SixelPicture, ShowsEachPixelInTheNearestOfItsColours) {
  for (const auto& [height, width] : {std::pair{13, 9}, {1, 1}, {6, 200}, {50, 1}}) {
    const auto picture = mosaic(height, width);
    EXPECT_LE(largest_difference(decode_sixels(sixel_picture(picture)), picture), 26);
  }
  image::Picture plain(7, 300);  // long runs, and colours of the palette itself
  std::fill(plain.rgb.begin() + 900, plain.rgb.end(), std::uint8_t{204});
  const std::string text = sixel_picture(plain);
  EXPECT_EQ(largest_difference(decode_sixels(text), plain), 0);
  EXPECT_NE(text.find("#0!300@$"), std::string::npos);
}

std::string decode_base64(const std::string& text) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    int digit = c == '+' ? 62 : 63;
    if (c >= 'A' && c <= 'Z') digit = c - 'A';
    if (c >= 'a' && c <= 'z') digit = c - 'a' + 26;
    if (c >= '0' && c <= '9') digit = c - '0' + 52;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    if ((count += 6) >= 8) out += static_cast<char>(bits >> (count -= 8) & 255);
  }
  return out;
}

TEST(KittyPicture, IsAPngInChunks) {
  const support::TemporaryFolder folder;
  for (const auto& [height, width] : {std::pair{90, 91}, {1, 1}, {3, 2}, {2, 3}}) {
    const auto picture = mosaic(height, width);
    const std::string text = kitty_picture(picture);
    Reader in{text};
    std::string data;
    for (bool more = true; more;) {
      ASSERT_TRUE(in.take("\x1b_G"));
      if (data.empty()) {
        ASSERT_TRUE(in.take("f=100,a=T,q=2,"));
      }
      ASSERT_TRUE(in.take("m="));
      more = in.number() == 1;
      ASSERT_TRUE(in.take(";"));
      const std::size_t end = text.find("\x1b\\", in.at);
      ASSERT_LE(end - in.at, 4096U);
      ASSERT_EQ((end - in.at) % 4, 0U);
      data += text.substr(in.at, end - in.at);
      in.at = end + 2;
    }
    EXPECT_EQ(in.at, text.size());
    core::write_file_plain(folder / "a.png", decode_base64(data));
    EXPECT_EQ(image::read_picture(folder / "a.png").rgb, picture.rgb);
  }
}

TEST(BlockPicture, HasTwoPixelsACharacter) {
  image::Picture picture(3, 2);
  picture.rgb = {1, 2, 3, 1, 2, 3, 255, 0, 128, 255, 0, 128, 9, 9, 9, 100, 150, 250};
  EXPECT_EQ(block_picture(picture, true),
            "\x1b[38;2;1;2;3m\x1b[48;2;255;0;128m\u2580\u2580\x1b[0m\n"
            "\x1b[38;2;9;9;9m\u2580\x1b[38;2;100;150;250m\u2580\x1b[0m\n");
  // 16 + 36 r + 6 g + b of the levels 0, 95, 135, 175, 215, 255.
  EXPECT_EQ(block_picture(picture, false),
            "\x1b[38;5;16m\x1b[48;5;198m\u2580\u2580\x1b[0m\n"
            "\x1b[38;5;16m\u2580\x1b[38;5;69m\u2580\x1b[0m\n");
}

TEST(TerminalKind, FollowsTheEnvironmentThenTheTerminal) {
  using Environment = std::map<std::string, std::string>;
  const auto kind = [](const Environment& environment, const std::string& answer) {
    return terminal_kind(
        [&](const char* name) {
          const auto found = environment.find(name);
          return found == environment.end() ? "" : found->second;
        },
        [&] { return answer; });
  };
  EXPECT_EQ(kind({{"TERM", "xterm-kitty"}}, ""), TerminalKind::kKitty);
  EXPECT_EQ(kind({{"KITTY_WINDOW_ID", "1"}}, ""), TerminalKind::kKitty);
  EXPECT_EQ(kind({{"TERM_PROGRAM", "ghostty"}}, ""), TerminalKind::kKitty);
  EXPECT_EQ(kind({{"KITTY_WINDOW_ID", "1"}, {"TMUX", "x"}}, ""), TerminalKind::kBlocks);
  EXPECT_EQ(kind({{"KITTY_WINDOW_ID", "1"}, {"TERM", "screen-256color"}}, "\x1b[?62;4c"),
            TerminalKind::kSixel);
  EXPECT_EQ(kind({}, "\x1b[?62;4;22c"), TerminalKind::kSixel);
  EXPECT_EQ(kind({}, "\x1b[?62;22;4c"), TerminalKind::kSixel);
  for (const char* none : {"", "\x1b[?4c", "\x1b[?62;14;42c", "\x1b[?62;4", "\x1b[?1;2c;4"}) {
    EXPECT_EQ(kind({}, none), TerminalKind::kBlocks) << none;
  }
}

TEST(ShrinkInto, FitsBothSidesAndNeverEnlarges) {
  const auto size = [](std::int64_t height, std::int64_t width) {
    const auto small = shrink_into(mosaic(height, width), 40, 100);
    return std::pair(small.height, small.width);
  };
  EXPECT_EQ(size(40, 100), std::pair(40L, 100L));
  EXPECT_EQ(size(10, 10), std::pair(10L, 10L));
  EXPECT_EQ(size(400, 200), std::pair(40L, 20L));
  EXPECT_EQ(size(50, 1000), std::pair(5L, 100L));
  EXPECT_EQ(size(5000, 1), std::pair(40L, 1L));
}

}  // namespace
}  // namespace pcnet::report
