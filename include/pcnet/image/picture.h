#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace pcnet::image {

/// An RGB picture of bytes, [height, width, 3], row-major.
struct Picture {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<std::uint8_t> rgb;

  Picture() = default;
  Picture(std::int64_t h, std::int64_t w)
      : height(h), width(w), rgb(static_cast<std::size_t>(h * w * 3)) {}
  std::uint8_t* pixel(std::int64_t y, std::int64_t x) { return &rgb[index(y, x)]; }
  const std::uint8_t* pixel(std::int64_t y, std::int64_t x) const { return &rgb[index(y, x)]; }

 private:
  std::size_t index(std::int64_t y, std::int64_t x) const {
    return static_cast<std::size_t>((y * width + x) * 3);
  }
};

/// A binary mask, [height, width], row-major, each byte 0 or 1.
struct Mask {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<std::uint8_t> data;

  Mask() = default;
  Mask(std::int64_t h, std::int64_t w)
      : height(h), width(w), data(static_cast<std::size_t>(h * w)) {}
  std::uint8_t& at(std::int64_t y, std::int64_t x) {
    return data[static_cast<std::size_t>(y * width + x)];
  }
  std::uint8_t at(std::int64_t y, std::int64_t x) const {
    return data[static_cast<std::size_t>(y * width + x)];
  }
};

/// Decodes JPEG, PNG, WebP, BMP or TIFF to RGB; grey, alpha (on white), CMYK and 16 bit are
/// converted. Equal to Pillow's pixels for 8-bit RGB and grey files. @param apply_exif turn the
/// picture as its EXIF orientation says, as viewers do.
/// Error that names the file when it is missing, empty, damaged, cut short or no picture.
Picture read_picture(const std::filesystem::path& path, bool apply_exif = false);

struct PictureSize {
  std::int64_t height = 0;
  std::int64_t width = 0;

  bool operator==(const PictureSize&) const = default;
};

/// The size in the header of a JPEG, PNG, WebP or BMP, of another kind by decoding it. The pixels
/// may still be damaged. Error as read_picture's.
PictureSize picture_size(const std::filesystem::path& path, bool apply_exif = false);

/// EXIF's orientation of a JPEG, PNG or WebP: 1, upright and also when it says none, to 8. Error
/// for a file that cannot be read.
int exif_orientation(const std::filesystem::path& path);

/// The mask in a PNG: pixels whose label is above 0 and that are not transparent. A label is what
/// is stored: grey of 1 to 16 bits, a palette's index, a colour that is not black. Error, with what
/// was found, for another kind of file and where outside and inside cannot be told apart.
Mask read_mask(const std::filesystem::path& path);

/// A PNG file's bytes, compressed. Error for a picture without pixels.
std::string encode_png(const Picture& picture);
/// Writes a PNG (compressed), a core::AtomicFile. Not synced: whoever writes many calls
/// core::sync_disk after the last.
void write_png(const std::filesystem::path& path, const Picture& picture);
/// Writes a mask as an 8-bit grey PNG, 0 and 255, in the same way.
void write_png(const std::filesystem::path& path, const Mask& mask);

/// A PNG file's bytes without compression: the same bytes on every machine and library version.
std::string encode_png_stored(const Picture& picture);

}  // namespace pcnet::image
