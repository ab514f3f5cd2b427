#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <png.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/image/picture.h"

#include "decoders.h"

namespace pcnet::image {

namespace {

using core::cat;
using core::Error;

/// libpng on bytes in memory, with the values as they are stored.
class PngDecoder {
 public:
  explicit PngDecoder(std::string_view bytes) : rest_(bytes) {}
  ~PngDecoder() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngDecoder(const PngDecoder&) = delete;
  PngDecoder& operator=(const PngDecoder&) = delete;

  // libpng leaves by longjmp: no object that needs a destructor may live in these two functions.
  bool read_header() {
    if (setjmp(back_) != 0) return false;
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, leave, print_nothing);
    if (png_ == nullptr) return false;
    info_ = png_create_info_struct(png_);
    png_set_read_fn(png_, this, give);
    png_read_info(png_, info_);
    bits_ = png_get_bit_depth(png_, info_);
    type_ = png_get_color_type(png_, info_);
    png_set_packing(png_);
    const bool one_colour = png_get_valid(png_, info_, PNG_INFO_tRNS) != 0 && !has_palette();
    if (one_colour) png_set_tRNS_to_alpha(png_);
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return true;
  }
  bool read_rows(std::vector<png_bytep>& rows) {
    if (setjmp(back_) != 0) return false;
    png_read_image(png_, rows.data());
    png_read_end(png_, nullptr);
    return true;
  }

  std::int64_t height() const { return png_get_image_height(png_, info_); }
  std::int64_t width() const { return png_get_image_width(png_, info_); }
  std::size_t row_bytes() const { return png_get_rowbytes(png_, info_); }
  std::size_t value_bytes() const { return png_get_bit_depth(png_, info_) == 16 ? 2 : 1; }
  std::size_t channels() const { return png_get_channels(png_, info_); }
  bool has_alpha() const { return channels() % 2 == 0; }
  bool has_palette() const { return type_ == PNG_COLOR_TYPE_PALETTE; }
  const char* message() const { return message_; }

  /// What it is, for people: "8-bit RGB with alpha".
  std::string kind() const {
    std::string kind = cat(bits_, "-bit ");
    if (has_palette()) return kind + "palette";
    kind += (type_ & PNG_COLOR_MASK_COLOR) != 0 ? "RGB" : "grey";
    return kind + (has_alpha() ? " with alpha" : "");
  }
  /// Of a palette's index.
  bool is_black(std::size_t index) const {
    png_colorp colours = nullptr;
    int count = 0;
    png_get_PLTE(png_, info_, &colours, &count);
    if (index >= static_cast<std::size_t>(count)) return false;
    return (colours[index].red | colours[index].green | colours[index].blue) == 0;
  }
  bool is_transparent(std::size_t index) const {
    png_bytep alphas = nullptr;
    int count = 0;
    png_get_tRNS(png_, info_, &alphas, &count, nullptr);
    return index < static_cast<std::size_t>(count) && alphas[index] == 0;
  }

 private:
  [[noreturn]] static void leave(png_structp png, png_const_charp message) {
    auto* self = static_cast<PngDecoder*>(png_get_error_ptr(png));
    std::snprintf(self->message_, sizeof(self->message_), "%s", message);
    std::longjmp(self->back_, 1);
  }
  static void print_nothing(png_structp /*png*/, png_const_charp /*message*/) {}
  static void give(png_structp png, png_bytep to, std::size_t count) {
    auto* self = static_cast<PngDecoder*>(png_get_io_ptr(png));
    if (count > self->rest_.size()) png_error(png, "the data end too early");
    std::memcpy(to, self->rest_.data(), count);
    self->rest_.remove_prefix(count);
  }

  std::string_view rest_;
  std::jmp_buf back_{};
  char message_[128] = "out of memory";
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  int bits_ = 0;
  int type_ = 0;
};

/// Tells the pixels of a PNG apart into inside and outside of the mask.
class MaskReader {
 public:
  explicit MaskReader(const PngDecoder& png)
      : png_(png),
        value_bytes_(png.value_bytes()),
        label_bytes_(value_bytes_ * (png.channels() - (png.has_alpha() ? 1 : 0))) {
    for (std::size_t index = 0; index < clear_.size(); ++index) {
      clear_[index] = png.has_palette() && png.is_transparent(index);
    }
  }

  /// @param bytes [height, width, channels] values, 16-bit ones with the high byte first
  Mask read(const std::vector<std::uint8_t>& bytes) {
    Mask mask(png_.height(), png_.width());
    const std::size_t step = png_.channels() * value_bytes_;
    for (std::size_t i = 0; i < mask.data.size(); ++i) mask.data[i] = inside(&bytes[i * step]);
    check();
    return mask;
  }

 private:
  std::uint8_t inside(const std::uint8_t* pixel) {
    std::uint64_t label = 0;
    for (std::size_t i = 0; i < label_bytes_; ++i) label = label << 8 | pixel[i];
    if (is_clear(label, pixel + label_bytes_)) {
      has_clear_ = true;
      return 0;
    }
    if (label == 0) {
      has_zero_ = true;
      return 0;
    }
    if (label != last_ && labels_.size() <= kShown) labels_.insert(label);
    last_ = label;
    return 1;
  }
  bool is_clear(std::uint64_t label, const std::uint8_t* alpha) const {
    if (png_.has_palette()) return clear_[label];
    return png_.has_alpha() && std::all_of(alpha, alpha + value_bytes_, std::logical_not<>());
  }

  void check() const {
    if (!has_zero_ && !has_clear_ && labels_.size() > 1) {
      fail(cat("without the label 0 and without transparent pixels, but with the labels ",
               labels_text(), ": which of them is outside"));
    }
    if (labels_.empty() && has_zero_ && has_clear_) {
      fail("whose pixels are transparent or of the label 0: which of them are the object");
    }
    if (!png_.has_palette() || !has_zero_ || png_.is_black(0)) return;
    for (const std::uint64_t index : labels_) {
      if (!png_.is_black(index)) continue;
      fail(cat("whose index 0 is a colour and whose index ", index,
               " is black: which of them is outside"));
    }
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(cat("it is ", png_.kind(), " ", what,
                    "? Wanted the label 0 (black) or transparent pixels outside of the object, and "
                    "a label above 0 inside"));
  }
  std::string labels_text() const {
    std::vector<std::string> shown;
    for (const std::uint64_t label : labels_) {
      if (shown.size() == kShown) {
        shown.emplace_back("...");
        break;
      }
      std::string values;
      for (std::size_t at = label_bytes_; at > 0; at -= value_bytes_) {
        const auto value = label >> 8 * (at - value_bytes_) & (value_bytes_ == 2 ? 0xffff : 0xff);
        values += cat(values.empty() ? "" : "/", value);
      }
      shown.push_back(values);
    }
    return core::join(shown, ", ");
  }

  static constexpr std::size_t kShown = 4;  // labels that are named

  const PngDecoder& png_;
  std::size_t value_bytes_;
  std::size_t label_bytes_;
  std::array<bool, 256> clear_{};  // of each palette index
  bool has_clear_ = false;
  bool has_zero_ = false;
  std::uint64_t last_ = 0;
  std::set<std::uint64_t> labels_;  // those inside that were met first, a few
};

}  // namespace

Mask decode_mask(std::string_view bytes) {
  if (!bytes.starts_with("\x89PNG\r\n\x1a\n")) {
    const bool jpeg = bytes.starts_with("\xff\xd8");
    throw Error(cat("it is ", jpeg ? "a JPEG, which does not keep labels" : "no PNG",
                    "; wanted a PNG of labels"));
  }
  const std::string checked = checked_png(bytes);
  if (const int orientation = orientation_of(bytes); orientation != 1) {
    throw Error(cat("it has the EXIF orientation ", orientation,
                    "; wanted a mask that is stored as it is seen: save it turned, without EXIF"));
  }
  PngDecoder png(checked);
  if (!png.read_header()) throw Error(cat("the PNG is damaged: ", png.message()));
  std::vector<std::uint8_t> pixels(png.row_bytes() * static_cast<std::size_t>(png.height()));
  std::vector<png_bytep> rows;
  for (std::size_t at = 0; at < pixels.size(); at += png.row_bytes()) rows.push_back(&pixels[at]);
  if (!png.read_rows(rows)) throw Error(cat("the PNG is damaged: ", png.message()));
  return MaskReader(png).read(pixels);
}

Mask read_mask(const std::filesystem::path& path) {
  const std::string bytes = core::read_file(path);
  try {
    return decode_mask(bytes);
  } catch (const Error& error) {
    throw Error(cat("cannot read the mask ", path.string(), ": ", error.what()));
  }
}

}  // namespace pcnet::image
