#pragma once

#include <cstddef>
#include <vector>

#include "pcnet/config/choice.h"

namespace pcnet::support {

/// Every word of an enum, in order.
template <class E>
std::vector<config::Choice<E>> every() {
  std::vector<config::Choice<E>> all;
  for (std::size_t i = 0; i < config::kWords<E>.size(); ++i) all.emplace_back(static_cast<E>(i));
  return all;
}

}  // namespace pcnet::support
