#pragma once

#include <string>

#include "pcnet/image/picture.h"

namespace pcnet::image {

/// A JPEG file's bytes. Error for a picture without pixels. @param quality 1 to 100
std::string encode_jpeg(const Picture& picture, int quality);

}  // namespace pcnet::image
