#include "pcnet/data/proposals/grid_store.h"

#include "pcnet/data/proposals/proposal_grid.h"

namespace pcnet::data {

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
  if (ready_) return ready_(image_id);
  const ProposalStore::Masks masks = proposals_.of(image_id);
  const auto make = options_.nearest ? to_grid_nearest : to_grid;
  return make(masks ? *masks : std::vector<image::Rle>{}, options_.height, options_.width,
              options_.most);
}

}  // namespace pcnet::data
