#include "pcnet/engine/proposal_responder.h"

#include <algorithm>
#include <map>

#include <torch/torch.h>

#include "pcnet/image/mask_points.h"

namespace pcnet::engine {

namespace {

/// [H, W]; the proposal holds a pixel.
at::Tensor depth_map(const image::Rle& proposal) {
  const image::Mask mask = image::decode(proposal);
  const std::vector<float> depth = image::depth_of(mask);
  const at::Tensor map = torch::tensor(depth).view({mask.height, mask.width});
  return map / map.max();
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
  std::map<std::ptrdiff_t, at::Tensor> depths;  // several sentences may choose one proposal
  for (std::int64_t i = 0; i < texts; ++i) {
    const at::Tensor row = scores[i].contiguous();
    const auto* first = row.const_data_ptr<float>();
    const auto best = std::max_element(first, first + row.numel()) - first;
    const auto& proposal = proposals->at(static_cast<std::size_t>(best));
    if (image::area(proposal) == 0) continue;  // none holds a pixel
    if (!depths.contains(best)) depths.emplace(best, depth_map(proposal));
    maps[0][i].copy_(depths.at(best));
  }
  return maps;
}

}  // namespace pcnet::engine
