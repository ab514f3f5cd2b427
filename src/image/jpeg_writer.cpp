#include <cstdint>
#include <vector>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/image/jpeg.h"

namespace pcnet::image {

std::string encode_jpeg(const Picture& picture, int quality) {
  if (picture.rgb.empty()) throw core::Error("the image has no pixels");
  const cv::Mat rgb(static_cast<int>(picture.height), static_cast<int>(picture.width), CV_8UC3,
                    const_cast<std::uint8_t*>(picture.rgb.data()));
  cv::Mat bgr;
  std::vector<std::uint8_t> bytes;
  bool done = false;
  try {
    cv::cvtColor(rgb, bgr, cv::COLOR_RGB2BGR);
    done = cv::imencode(".jpg", bgr, bytes, {cv::IMWRITE_JPEG_QUALITY, quality});
  } catch (const cv::Exception& fault) {
    throw core::Error(core::cat("it cannot be made a JPEG: ", fault.err));
  }
  if (!done) throw core::Error("it cannot be made a JPEG");
  return {bytes.begin(), bytes.end()};
}

}  // namespace pcnet::image
