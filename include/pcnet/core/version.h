#pragma once

#include <string>

namespace pcnet::core {

/// The version of the library, e.g. "0.1.0".
std::string version();

/// The version of OpenCV that the library runs with, e.g. "4.6.0".
std::string opencv_version();

}  // namespace pcnet::core
