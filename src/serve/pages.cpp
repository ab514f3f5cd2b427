#include "pages.h"

#include <random>
#include <string>

#include "pcnet/core/base64.h"
#include "pcnet/core/embed.h"
#include "pcnet/core/format.h"

PCNET_EMBED(kPcnetServePage, PCNET_SERVE "/page.html");
PCNET_EMBED(kPcnetServeOpenapi, PCNET_SERVE "/openapi.json");

namespace pcnet::serve {

namespace {

std::string draw_nonce() {
  std::random_device device;
  std::string bytes;
  for (int i = 0; i < 16; ++i) bytes.push_back(static_cast<char>(device() & 255));
  return core::to_base64(bytes);
}

void name_element(std::string& page, std::string_view start, const std::string& nonce) {
  const auto at = page.find(start);
  if (at != std::string::npos)
    page.insert(at + start.size() - 1, core::cat(" nonce=\"", nonce, "\""));
}

}  // namespace

Reply page_reply() {
  const std::string nonce = draw_nonce();
  std::string page(PCNET_EMBEDDED(kPcnetServePage));
  name_element(page, "<style>", nonce);
  name_element(page, "<script>", nonce);
  const std::string policy = core::cat(
      "default-src 'none'; script-src 'nonce-", nonce, "'; style-src 'nonce-", nonce,
      "'; img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
      "frame-ancestors 'none'");
  return {200, "text/html; charset=utf-8", std::move(page), {{"Content-Security-Policy", policy}}};
}

std::string_view openapi() { return PCNET_EMBEDDED(kPcnetServeOpenapi); }

}  // namespace pcnet::serve
