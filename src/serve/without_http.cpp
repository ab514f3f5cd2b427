// What stands in for http_server.cpp where PCNET_WITH_SERVE is off: nobody can connect.

#include "pcnet/core/error.h"
#include "pcnet/serve/server.h"

#include "http_server.h"

namespace pcnet::serve {

bool can_serve() { return false; }

void run_http_server(Service& /*service*/, const std::string& /*host*/, int /*port*/,
                     const std::function<void(int port)>& /*ready*/,
                     const std::function<bool()>& /*stopped*/) {
  throw core::UsageError(
      "this pcnet is built without a server: install cpp-httplib (Debian: libcpp-httplib-dev) and "
      "build with cmake -DPCNET_WITH_SERVE=ON");
}

}  // namespace pcnet::serve
