#include "pcnet/core/version.h"

namespace pcnet::core {

std::string version() { return PCNET_VERSION; }

}  // namespace pcnet::core
