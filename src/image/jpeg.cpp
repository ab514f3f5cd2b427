#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <vector>

#include <jerror.h>
#include <jpeglib.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

#include "decoders.h"

namespace pcnet::image {

namespace {

/// libjpeg's callbacks get a pointer to the first member.
struct ErrorState {
  jpeg_error_mgr manager;
  std::jmp_buf back;
  char message[JMSG_LENGTH_MAX];
  bool damaged;
};

[[noreturn]] void leave(j_common_ptr info) {
  auto* state = reinterpret_cast<ErrorState*>(info->err);
  if (!state->damaged) info->err->format_message(info, state->message);
  std::longjmp(state->back, 1);
}

/// Whether pixels are lost. Stray bytes between segments and odd headers do no harm.
bool loses_pixels(int code) {
  return code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE ||
         code == JWRN_MUST_RESYNC || code == JWRN_BOGUS_PROGRESSION || code == JWRN_NOT_SEQUENTIAL;
}

void on_message(j_common_ptr info, int level) {
  auto* state = reinterpret_cast<ErrorState*>(info->err);
  if (level >= 0 || state->damaged || !loses_pixels(info->err->msg_code)) return;
  info->err->format_message(info, state->message);
  state->damaged = true;
}

void print_nothing(j_common_ptr) {}

void stop_at_many_scans(j_common_ptr info) {
  constexpr int kMostScans = 500;
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMostScans) return;
  auto* state = reinterpret_cast<ErrorState*>(info->err);
  std::snprintf(state->message, sizeof state->message, "it has more than %d scans", kMostScans);
  std::longjmp(state->back, 1);
}

std::uint8_t times(std::uint8_t a, int b) { return static_cast<std::uint8_t>((a * b + 127) / 255); }

/// Inverted CMYK, as Adobe's programs write it, to RGB.
void add_cmyk_row(const std::uint8_t* from, std::int64_t width, std::uint8_t* to) {
  for (std::int64_t x = 0; x < width; ++x) {
    for (int c = 0; c < 3; ++c) *to++ = times(from[c], from[3]);
    from += 4;
  }
}

class JpegDecoder {
 public:
  JpegDecoder() {
    info_.err = jpeg_std_error(&errors_.manager);
    errors_.manager.error_exit = leave;
    errors_.manager.emit_message = on_message;
    errors_.manager.output_message = print_nothing;
    errors_.message[0] = '\0';
    errors_.damaged = false;
  }
  ~JpegDecoder() { jpeg_destroy_decompress(&info_); }
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  // libjpeg leaves by longjmp: no object that needs a destructor may live in these two functions.
  bool read_header(std::string_view bytes) {
    if (setjmp(errors_.back) != 0) return false;
    jpeg_create_decompress(&info_);
    watch_.progress_monitor = stop_at_many_scans;
    info_.progress = &watch_;
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    jpeg_read_header(&info_, TRUE);
    const bool four = info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK;
    info_.out_color_space = four ? JCS_CMYK : JCS_RGB;
    return true;
  }

  bool read_rows(Picture& picture, std::vector<std::uint8_t>& row) {
    if (setjmp(errors_.back) != 0) return false;
    jpeg_start_decompress(&info_);
    while (info_.output_scanline < info_.output_height) {
      std::uint8_t* to = picture.pixel(info_.output_scanline, 0);
      JSAMPROW target = cmyk() ? row.data() : to;
      jpeg_read_scanlines(&info_, &target, 1);
      if (cmyk()) add_cmyk_row(row.data(), picture.width, to);
    }
    jpeg_finish_decompress(&info_);
    return !errors_.damaged;
  }

  bool cmyk() const { return info_.out_color_space == JCS_CMYK; }
  std::int64_t height() const { return info_.image_height; }
  std::int64_t width() const { return info_.image_width; }
  std::string message() const { return errors_.message; }

 private:
  ErrorState errors_{};
  jpeg_progress_mgr watch_{};
  jpeg_decompress_struct info_{};
};

}  // namespace

Picture decode_jpeg(std::string_view bytes, std::int64_t most_pixels) {
  JpegDecoder decoder;
  if (!decoder.read_header(bytes)) {
    throw core::Error(core::cat("the JPEG is damaged or cut short: ", decoder.message()));
  }
  if (decoder.height() * decoder.width() > most_pixels) {
    throw core::Error(core::cat("the JPEG has ", decoder.height(), " x ", decoder.width(),
                                " pixels, wanted at most ", most_pixels));
  }
  Picture picture(decoder.height(), decoder.width());
  std::vector<std::uint8_t> row(decoder.cmyk() ? static_cast<std::size_t>(picture.width) * 4 : 0);
  if (!decoder.read_rows(picture, row)) {
    throw core::Error(core::cat("the JPEG is damaged or cut short: ", decoder.message()));
  }
  return picture;
}

}  // namespace pcnet::image
