#include "pcnet/image/picture.h"

#include <algorithm>
#include <mutex>

#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/image/picture_bytes.h"

#include "decoders.h"

namespace pcnet::image {

namespace {

using core::cat;
using core::Error;

/// OpenCV prints its errors before it throws them: the thrown ones are enough.
void keep_opencv_quiet() {
  static std::once_flag once;
  std::call_once(once, [] {
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
    cv::redirectError([](int, const char*, const char*, const char*, int, void*) { return 0; });
  });
}

/// 8 bits a channel: of 16 the high byte, as Pillow does; floating point counts from 0 to 1.
cv::Mat to_bytes(const cv::Mat& decoded) {
  cv::Mat bytes;
  switch (decoded.depth()) {
    case CV_8U:
      return decoded;
    case CV_16U:
      bytes.create(decoded.rows, decoded.cols, CV_8UC(decoded.channels()));
      for (int y = 0; y < decoded.rows; ++y) {
        const auto* from = decoded.ptr<std::uint16_t>(y);
        std::transform(from, from + decoded.cols * decoded.channels(), bytes.ptr(y),
                       [](std::uint16_t v) { return static_cast<std::uint8_t>(v >> 8); });
      }
      return bytes;
    case CV_32F:
    case CV_64F:
      decoded.convertTo(bytes, CV_8U, 255);
      return bytes;
    default:
      throw Error("its channels are signed numbers, wanted 8 or 16 bits without sign");
  }
}

/// Grey, grey + alpha, BGR or BGRA to RGB; what is transparent becomes white.
Picture to_picture(const cv::Mat& bytes) {
  const int channels = bytes.channels();
  if (channels > 4) throw Error(cat("it has ", channels, " channels, wanted 1 to 4"));
  const bool alpha = channels == 2 || channels == 4;
  Picture picture(bytes.rows, bytes.cols);
  for (int y = 0; y < bytes.rows; ++y) {
    const std::uint8_t* from = bytes.ptr(y);
    std::uint8_t* to = picture.pixel(y, 0);
    for (int x = 0; x < bytes.cols; ++x, from += channels, to += 3) {
      for (int c = 0; c < 3; ++c) {
        const int value = channels < 3 ? from[0] : from[2 - c];
        const int opacity = alpha ? from[channels - 1] : 255;
        to[c] = static_cast<std::uint8_t>((value * opacity + 255 * (255 - opacity) + 127) / 255);
      }
    }
  }
  return picture;
}

/// A bit of the extended header; which versions of OpenCV read the first frame differs.
bool is_animated_webp(std::string_view bytes) {
  return bytes.size() > 20 && bytes.starts_with("RIFF") && bytes.substr(8, 8) == "WEBPVP8X" &&
         (bytes[20] & 2) != 0;
}

Picture decode_with_opencv(std::string_view bytes) {
  keep_opencv_quiet();
  if (is_animated_webp(bytes)) throw Error("it is an animated WebP, wanted a still image");
  try {
    // imdecode only reads; its parameter type does not say so.
    auto* data = const_cast<char*>(bytes.data());
    const cv::Mat raw(1, static_cast<int>(bytes.size()), CV_8U, data);
    const cv::Mat decoded = cv::imdecode(raw, cv::IMREAD_UNCHANGED);
    if (decoded.empty()) throw Error("it is damaged, cut short or no image of a known kind");
    return to_picture(to_bytes(decoded));
  } catch (const cv::Exception& fault) {
    throw Error(cat("it is damaged, cut short or no image of a known kind: ", fault.err));
  }
}

/// BMP's header holds the file's size; the decoder would leave missing rows black.
void check_bmp(std::string_view bytes) {
  std::uint32_t size = 0;
  if (bytes.size() < 14) throw Error("the BMP is cut short inside its header");
  for (std::size_t i = 6; i-- > 2;) size = size << 8 | static_cast<unsigned char>(bytes[i]);
  if (size > bytes.size()) {
    throw Error(cat("the BMP is cut short: ", bytes.size(), " of ", size, " bytes"));
  }
}

Picture decode_upright(std::string_view bytes, std::int64_t most_pixels) {
  constexpr std::string_view kPng = "\x89PNG\r\n\x1a\n";
  if (bytes.empty()) throw Error("the file is empty");
  if (bytes.size() > INT32_MAX) throw Error("the file is larger than 2 GiB");
  if (bytes.starts_with("\xff\xd8")) return decode_jpeg(bytes, most_pixels);
  if (bytes.starts_with(kPng)) return decode_with_opencv(checked_png(bytes));
  if (bytes.starts_with("BM")) check_bmp(bytes);
  if (is_tiff(bytes)) check_tiff(bytes);
  return decode_with_opencv(bytes);
}

std::string encode(const cv::Mat& mat) {
  keep_opencv_quiet();
  if (mat.empty()) throw Error("the image has no pixels");
  std::vector<std::uint8_t> bytes;
  bool done = false;
  try {
    done = cv::imencode(".png", mat, bytes);
  } catch (const cv::Exception& fault) {
    throw Error(cat("it cannot be made a PNG: ", fault.err));
  }
  if (!done) throw Error("it cannot be made a PNG");
  return {bytes.begin(), bytes.end()};
}

cv::Mat to_mat(const Picture& picture) {
  cv::Mat bgr(static_cast<int>(picture.height), static_cast<int>(picture.width), CV_8UC3);
  for (int y = 0; y < bgr.rows; ++y) {
    const std::uint8_t* from = picture.pixel(y, 0);
    std::uint8_t* to = bgr.ptr(y);
    for (int x = 0; x < bgr.cols; ++x, from += 3, to += 3) std::reverse_copy(from, from + 3, to);
  }
  return bgr;
}

cv::Mat to_mat(const Mask& mask) {
  cv::Mat grey(static_cast<int>(mask.height), static_cast<int>(mask.width), CV_8U);
  std::transform(mask.data.begin(), mask.data.end(), grey.data,
                 [](std::uint8_t one) { return static_cast<std::uint8_t>(one != 0 ? 255 : 0); });
  return grey;
}

void write_encoded(const std::filesystem::path& path, const cv::Mat& mat) {
  std::string bytes;
  try {
    bytes = encode(mat);
  } catch (const Error& error) {
    throw Error(cat("cannot write ", path.string(), ": ", error.what()));
  }
  core::write_file(path, bytes, core::Sync::kLater);
}

}  // namespace

Picture decode_picture(std::string_view file, bool apply_exif, std::int64_t most_pixels) {
  return oriented(decode_upright(file, most_pixels), apply_exif ? orientation_of(file) : 1);
}

Picture read_picture(const std::filesystem::path& path, bool apply_exif) {
  const std::string bytes = core::read_file(path);
  try {
    return decode_picture(bytes, apply_exif);
  } catch (const Error& error) {
    throw Error(cat("cannot read the image ", path.string(), ": ", error.what()));
  }
}

std::string encode_png(const Picture& picture) { return encode(to_mat(picture)); }

void write_png(const std::filesystem::path& path, const Picture& picture) {
  write_encoded(path, to_mat(picture));
}

void write_png(const std::filesystem::path& path, const Mask& mask) {
  write_encoded(path, to_mat(mask));
}

std::string encode_png(const Mask& mask) { return encode(to_mat(mask)); }

std::string encode_grey_png(std::string_view pixels, std::int64_t height, std::int64_t width) {
  if (static_cast<std::int64_t>(pixels.size()) != height * width) {
    throw Error(
        cat("an image of ", width, " x ", height, " grey pixels has ", pixels.size(), " bytes"));
  }
  // imencode only reads; its parameter type does not say so.
  auto* data = const_cast<char*>(pixels.data());
  return encode(cv::Mat(static_cast<int>(height), static_cast<int>(width), CV_8U, data));
}

}  // namespace pcnet::image
