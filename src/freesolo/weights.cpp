#include "pcnet/freesolo/weights.h"

#include <limits>
#include <map>
#include <string>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/weights/state_dict.h"
#include "pcnet/weights/weight_file.h"

namespace pcnet::freesolo {

using core::cat;

namespace {

using Tensors = std::map<std::string, at::Tensor>;

/// A tensor that tells FreeSOLO's networks from others; what stands before it wraps the model.
constexpr std::string_view kMark = "ins_head.cate_pred.weight";

/// No part of a mask: training's counter, and a branch for what training compares.
bool is_left_out(std::string_view name) {
  return name == "_iter" || name.starts_with("ins_head.emb_pred.");
}

Tensors find_tensors(const weights::WeightFile& file) {
  for (const auto& [mark, ignored] : file.content.tensors) {
    if (!mark.ends_with(kMark)) continue;
    const std::string prefix = mark.substr(0, mark.size() - kMark.size());
    Tensors found;
    for (const auto& [name, tensor] : file.content.tensors) {
      if (!name.starts_with(prefix)) continue;
      const std::string bare = name.substr(prefix.size());
      if (!is_left_out(bare)) found.emplace(bare, tensor);
    }
    return found;
  }
  std::string hint = weights::hidden_tensors_note(file);
  const auto layout = weights::find_state_dict(file).layout;
  if (hint.empty() && layout != weights::Layout::kUnknown) {
    hint = cat("its names are those of ", weights::to_string(layout));
  }
  if (hint.empty()) hint = cat("it has no tensor ", kMark);
  throw core::Error(
      cat(file.path.string(), " holds no FreeSOLO: ", hint, "; FreeSOLO_R101_30k_pl.pth is one"));
}

}  // namespace

void load_weights(FreesoloImpl& network, const std::filesystem::path& path) {
  const auto file = weights::open_weights(path);
  weights::load_tensors(weights::tensors_of(network), find_tensors(file), path.string(), "FreeSOLO",
                        std::numeric_limits<std::size_t>::max());
  core::log::info(cat(path.string(),
                      ": FreeSOLO's published weights are under NVIDIA's source code licence: "
                      "for research and evaluation, not for commercial use"));
  network.fold_norms();
}

}  // namespace pcnet::freesolo
