// What stands in for http_server.cpp where PCNET_WITH_SERVE is off: nobody can connect.

#include "pcnet/core/error.h"

#include "http_server.h"

namespace pcnet::serve {

void require_server() {
  throw core::UsageError(
      "this pcnet is built without a server: install Boost (Debian: libboost-dev) and build with "
      "cmake -DPCNET_WITH_SERVE=ON");
}

void run_http_server(Service& /*service*/, const std::string& /*host*/, int /*port*/,
                     const std::function<void(int port)>& /*ready*/,
                     const std::function<bool()>& /*stopped*/) {
  require_server();
}

}  // namespace pcnet::serve
