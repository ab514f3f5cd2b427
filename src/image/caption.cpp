#include <algorithm>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "pcnet/image/overlay.h"

namespace pcnet::image {

namespace {

constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;
constexpr int kMargin = 6;

/// What the font can show: line breaks become spaces, each other letter one '?'.
std::string printable(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0) == 0x80) continue;  // the rest of a letter that is a '?' already
    const bool space = byte == '\n' || byte == '\t' || byte == '\r';
    out.push_back(space ? ' ' : byte >= 0x20 && byte < 0x7f ? c : '?');
  }
  return out;
}

struct Font {
  double scale;
  int width_of(const std::string& text) const {
    int below = 0;
    return cv::getTextSize(text, kFont, scale, 1, &below).width;
  }
};

/// Lines that fit into `room` pixels; a word that is too long for a line is cut.
std::vector<std::string> wrap(const std::string& text, const Font& font, int room) {
  std::vector<std::string> lines(1);
  const auto fits = [&](const std::string& line) { return font.width_of(line) <= room; };
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    at = end + 1;
    if (word.empty()) continue;
    const std::string joined = lines.back().empty() ? word : lines.back() + ' ' + word;
    if (fits(joined)) {
      lines.back() = joined;
      continue;
    }
    if (!lines.back().empty()) lines.emplace_back();
    for (const char c : word) {
      if (!lines.back().empty() && !fits(lines.back() + c)) lines.emplace_back();
      lines.back().push_back(c);
    }
  }
  return lines;
}

}  // namespace

Picture with_caption(const Picture& picture, const std::string& text) {
  const Font font{picture.width >= 400 ? 0.5 : 0.4};
  const auto width = static_cast<int>(picture.width);
  const auto lines = wrap(printable(text), font, std::max(1, width - 2 * kMargin));
  int below = 0;
  const int letter = cv::getTextSize("Ag", kFont, font.scale, 1, &below).height;
  const int line_height = letter + below + 3;
  const int strip = static_cast<int>(lines.size()) * line_height + 2 * kMargin - 3;

  Picture out(picture.height + strip, picture.width);
  std::fill(out.rgb.begin(), out.rgb.end(), std::uint8_t{250});
  const cv::Mat canvas(static_cast<int>(out.height), width, CV_8UC3, out.rgb.data());
  int baseline = kMargin + letter;
  for (const auto& line : lines) {
    cv::putText(canvas, line, {kMargin, baseline}, kFont, font.scale, {30, 30, 30}, 1, cv::LINE_AA);
    baseline += line_height;
  }
  std::copy(picture.rgb.begin(), picture.rgb.end(),
            out.rgb.begin() + static_cast<std::ptrdiff_t>(strip) * width * 3);
  return out;
}

}  // namespace pcnet::image
