#include "pcnet/core/version.h"

#include <opencv2/core.hpp>

namespace pcnet::core {

std::string version() { return PCNET_VERSION; }

std::string opencv_version() { return cv::getVersionString(); }

}  // namespace pcnet::core
