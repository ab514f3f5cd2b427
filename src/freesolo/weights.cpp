#include "pcnet/freesolo/weights.h"

#include <limits>
#include <map>
#include <string>

#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/weights/state_dict.h"
#include "pcnet/weights/weight_file.h"

namespace pcnet::freesolo {

using core::cat;

std::map<std::string, at::Tensor> expected_tensors(const NetworkOptions& options) {
  std::map<std::string, at::Tensor> expected = weights::tensors_of(*Freesolo(options));
  for (auto& [name, tensor] : expected) tensor = tensor.to(at::kMeta);
  return expected;
}

void load_weights(FreesoloImpl& network, const std::filesystem::path& path) {
  const auto file = weights::open_weights(path);
  const auto state = weights::require_layout(file, weights::Layout::kFreesolo, kKnownFiles);
  weights::load_tensors(weights::tensors_of(network), state.tensors, path.string(), "FreeSOLO",
                        std::numeric_limits<std::size_t>::max());
  core::log::info(cat(path.string(),
                      ": FreeSOLO's published weights are under NVIDIA's source code licence: "
                      "for research and evaluation, not for commercial use"));
  network.fold_norms();
}

}  // namespace pcnet::freesolo
