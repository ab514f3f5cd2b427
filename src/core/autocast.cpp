#include "pcnet/core/autocast.h"

#include <ATen/autocast_mode.h>

namespace pcnet::core {

namespace {

void set(const Autocast& wanted) {
  at::autocast::set_autocast_dtype(wanted.device, wanted.type);
  at::autocast::set_autocast_enabled(wanted.device, wanted.enabled);
  at::autocast::set_autocast_cache_enabled(wanted.cached);
}

}  // namespace

Autocast Autocast::of(c10::DeviceType device) {
  return {.device = device,
          .enabled = at::autocast::is_autocast_enabled(device),
          .type = at::autocast::get_autocast_dtype(device),
          .cached = at::autocast::is_autocast_cache_enabled()};
}

AutocastScope::AutocastScope(const Autocast& wanted) : before_(Autocast::of(wanted.device)) {
  set(wanted);
}

AutocastScope::~AutocastScope() {
  set(before_);
  at::autocast::clear_cache();
}

}  // namespace pcnet::core
