#include "pcnet/data/proposals/grid_store.h"

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/data/pack/pack.h"
#include "pcnet/data/proposals/proposal_grid.h"

namespace pcnet::data {

GridStore::GridStore(const ProposalStore& proposals, const Pack& pack, const Options& options)
    : proposals_(proposals), options_(options) {
  if (options.nearest) return;  // packs hold grids by area
  const PackKey& key = pack.key();
  if (key.grid_height != options.height || key.grid_width != options.width ||
      key.grid_most != options.most) {
    throw core::Error(core::cat(
        "the pack ", pack.path().string(), " is stale: its proposals are on a grid of ",
        key.grid_height, " x ", key.grid_width, ", at most ", key.grid_most, ", the losses' is ",
        options.height, " x ", options.width, ", at most ", options.most,
        "; make it again with `pcnet data pack --replace` and this configuration"));
  }
  pack_ = &pack;
}

at::Tensor GridStore::get(std::int64_t image_id) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = kept_.find(image_id);
    if (found != kept_.end()) return found->second;
  }
  const at::Tensor grid = make(image_id);
  const std::lock_guard lock(mutex_);
  return kept_.emplace(image_id, grid).first->second;
}

at::Tensor GridStore::make(std::int64_t image_id) const {
  if (pack_ != nullptr) return pack_->grid_of(image_id);
  const ProposalStore::Masks masks = proposals_.of(image_id);
  const auto make = options_.nearest ? to_grid_nearest : to_grid;
  return make(masks ? *masks : std::vector<image::Rle>{}, options_.height, options_.width,
              options_.most);
}

}  // namespace pcnet::data
