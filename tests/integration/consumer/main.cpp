#include <iostream>

#include "pcnet/config/config.h"
#include "pcnet/core/random.h"

int main() {
  const pcnet::config::Config config;
  pcnet::core::Rng rng(static_cast<std::uint64_t>(config.run.seed));
  std::cout << "seed " << config.run.seed << ", first number " << rng.next() << "\n";
}
