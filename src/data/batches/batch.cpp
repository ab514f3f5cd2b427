#include "pcnet/data/batches/batch.h"

#include <algorithm>
#include <utility>

#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::data {

Batch Batch::to(c10::Device device) const {
  const auto moved = [&](const at::Tensor& tensor) {
    // Only page-locked memory is copied while the program goes on; the stream keeps the order.
    return tensor.defined() ? tensor.to(device, /*non_blocking=*/device.is_cuda()) : tensor;
  };
  Batch there = *this;
  for (at::Tensor* tensor : {&there.images, &there.text_index, &there.mirrored_index,
                             &there.cue_index, &there.partner_index, &there.partner_cue_index,
                             &there.has_partner, &there.proposals, &there.clip_scores}) {
    *tensor = moved(*tensor);
  }
  return there;
}

Batch agreed(Batch batch, const std::shared_ptr<core::Communicator>& team) {
  std::vector<std::int64_t> rows = core::even_shares(batch.image_ids.size(0), team->size());
  const std::int64_t own = rows[static_cast<std::size_t>(team->rank())];
  at::Tensor readable = at::ones({own}, at::kByte);
  for (const auto row : batch.unreadable) readable[row] = 0;
  const at::Tensor all = team->all_gather(readable, rows);  // [B]
  const at::Tensor kept = all.nonzero().squeeze(/*dim=*/1);
  if (kept.size(0) == 0) throw core::Error("no image of the batch can be read");
  if (kept.size(0) < all.size(0)) {
    for (at::Tensor* tensor : {&batch.text_index, &batch.mirrored_index, &batch.cue_index,
                               &batch.partner_index, &batch.partner_cue_index, &batch.has_partner,
                               &batch.image_ids, &batch.ref_ids, &batch.sent_ids}) {
      if (tensor->defined()) *tensor = tensor->index_select(/*dim=*/0, kept);
    }
    std::int64_t first = 0;
    for (auto& share : rows) {
      const std::int64_t before = std::exchange(first, first + share);
      share = all.narrow(/*dim=*/0, before, share).sum().item<std::int64_t>();
    }
    const auto without = std::find(rows.begin(), rows.end(), 0);
    if (without != rows.end()) {
      throw core::Error(core::cat("process ", without - rows.begin(),
                                  " has no image of a batch: its share of ", all.size(0),
                                  " cannot be read; mend these images, or start fewer processes"));
    }
  }
  batch.share = core::BatchShare(team, std::move(rows));
  return batch;
}

}  // namespace pcnet::data
