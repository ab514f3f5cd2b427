#include "pcnet/core/communicator.h"

#include <torch/types.h>

namespace pcnet::core {

int Communicator::largest(int own) {
  if (is_alone()) return own;
  const at::Tensor said = at::full({1}, own, at::kByte);
  all_reduce(said, Reduction::kMaximum);
  return said.item<std::uint8_t>();
}

std::vector<std::int64_t> even_shares(std::int64_t count, int parts) {
  std::vector<std::int64_t> shares;
  for (std::int64_t i = 0; i < parts; ++i) {
    shares.push_back(count * (i + 1) / parts - count * i / parts);
  }
  return shares;
}

}  // namespace pcnet::core
