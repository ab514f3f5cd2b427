#include "pcnet/engine/proposal_responder.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <torch/torch.h>

#include "pcnet/image/mask_points.h"

namespace pcnet::engine {

namespace {

/// [H, W]: the mask, and its interior point by the least bit above the rest. Zeros for an empty
/// one.
at::Tensor map_of(const image::Rle& proposal) {
  const image::Mask mask = image::decode(proposal);
  const float inside = std::nextafter(1.0F, 0.0F);
  at::Tensor map = torch::zeros({mask.height, mask.width});
  auto* values = map.mutable_data_ptr<float>();
  std::transform(mask.data.begin(), mask.data.end(), values,
                 [inside](std::uint8_t pixel) { return pixel != 0 ? inside : 0.0F; });
  if (const auto point = image::interior_point(mask)) values[point->y * mask.width + point->x] = 1;
  return map;
}

}  // namespace

std::vector<at::Tensor> ProposalResponder::respond(std::span<const Query> queries) {
  std::vector<at::Tensor> answers;
  for (const auto& query : queries) answers.push_back(answer(query));
  return answers;
}

at::Tensor ProposalResponder::answer(const Query& query) {
  const auto texts = static_cast<std::int64_t>(query.texts.size());
  at::Tensor maps = torch::zeros({1, texts, query.height, query.width});
  const auto proposals = proposals_.of(query.image_id);
  if (proposals == nullptr || proposals->empty()) return maps;
  const at::Tensor scores =
      scorer_.scores(dataset_.pictures().original(query.image_id), *proposals, query.texts);
  std::map<std::ptrdiff_t, at::Tensor> chosen;  // several sentences may choose one proposal
  for (std::int64_t i = 0; i < texts; ++i) {
    const at::Tensor row = scores[i].contiguous();
    const auto* first = row.const_data_ptr<float>();
    const auto best = std::max_element(first, first + row.numel()) - first;
    if (!chosen.contains(best))
      chosen[best] = map_of(proposals->at(static_cast<std::size_t>(best)));
    maps[0][i].copy_(chosen.at(best));
  }
  return maps;
}

}  // namespace pcnet::engine
