#include "pcnet/losses/terms.h"

#include <torch/types.h>

namespace pcnet::losses {

void Terms::add(const std::string& name, double weight, const at::Tensor& value) {
  terms.emplace_back(name, value);
  total = total.defined() ? total + value * weight : value * weight;
}

}  // namespace pcnet::losses
