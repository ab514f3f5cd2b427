#include "texts_by_picture.h"

#include <algorithm>
#include <vector>

#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::model {

TextsByPicture::TextsByPicture(const at::Tensor& picture, std::int64_t texts, std::int64_t pictures,
                               const at::Device& device)
    : pictures_(pictures) {
  if (picture.dim() != 1 || picture.size(0) != texts || picture.scalar_type() != at::kLong) {
    throw core::Error(core::cat("image of each text: got ", picture.sizes(), " of ",
                                picture.scalar_type(), ", wanted [", texts, "] of Long"));
  }
  const at::Tensor owner = picture.to(at::kCPU).contiguous();
  const auto* of = owner.const_data_ptr<std::int64_t>();
  std::vector<std::int64_t> row(static_cast<std::size_t>(texts));
  std::vector<std::int64_t> count(static_cast<std::size_t>(pictures), 0);
  for (std::size_t m = 0; m < row.size(); ++m) {
    if (of[m] < 0 || of[m] >= pictures) {
      throw core::Error(
          core::cat("image of text ", m, ": got ", of[m], ", wanted 0 to ", pictures - 1));
    }
    row[m] = count[static_cast<std::size_t>(of[m])]++;
    most_ = std::max(most_, row[m] + 1);
  }
  for (std::size_t m = 0; m < row.size(); ++m) row[m] += of[m] * most_;
  place_ = torch::tensor(row, torch::kInt64).to(device);
}

at::Tensor TextsByPicture::laid_out(const at::Tensor& x) const {
  return at::zeros({pictures_ * most_, x.size(1)}, x.options())
      .index_copy(/*dim=*/0, place_, x)
      .view({pictures_, most_, x.size(1)});
}

at::Tensor TextsByPicture::in_order(const at::Tensor& x) const {
  return x.flatten(/*start_dim=*/0, /*end_dim=*/1).index_select(/*dim=*/0, place_);
}

}  // namespace pcnet::model
