#include <iostream>

#include "pcnet/config/config.h"
#include "pcnet/core/random.h"

int main() {
  const auto config = pcnet::config::load_defaults({"run.seed=7"});
  pcnet::core::Rng rng(static_cast<std::uint64_t>(config.values.run.seed));
  std::cout << "seed " << config.values.run.seed << ", first number " << rng.next() << "\n";
}
