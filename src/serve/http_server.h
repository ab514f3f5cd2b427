#pragma once

#include <functional>
#include <string>

#include "pcnet/serve/service.h"

namespace pcnet::serve {

/// UsageError where this program was built without a server (PCNET_WITH_SERVE).
void require_server();

/// Takes connections for a service until `stopped` says so, then finishes the requests that came
/// before. Error for an address that cannot be had. @param ready told the port
void run_http_server(Service& service, const std::string& host, int port,
                     const std::function<void(int port)>& ready,
                     const std::function<bool()>& stopped);

}  // namespace pcnet::serve
