#include "pcnet/engine/encoding.h"

#include <vector>

#include "pcnet/core/batch_norm.h"
#include "pcnet/core/recompute.h"

namespace pcnet::engine {

namespace {

at::Tensor encoded(const torch::nn::Module& model, const core::Stage& encode, const at::Tensor& all,
                   std::int64_t parts) {
  if (parts <= 1) return encode(all);
  std::vector<at::Tensor> features;
  core::BatchPart place{.whole = all.size(0)};
  for (const at::Tensor& part : at::tensor_split(all, parts)) {
    place.size = part.size(0);
    if (place.size == 0) continue;
    const core::StatisticsOfPart counted(model, place);
    features.push_back(core::recomputed(model, encode, part));
    place.before += place.size;
  }
  return at::cat(features);
}

}  // namespace

at::Tensor PartwiseEncoding::images(model::ReferringModel& model, const at::Tensor& images) const {
  return encoded(
      model, [&model](const at::Tensor& part) { return model.encode_images(part); }, images, parts);
}

at::Tensor PartwiseEncoding::texts(model::ReferringModel& model, const at::Tensor& tokens) const {
  return encoded(
      model, [&model](const at::Tensor& part) { return model.encode_texts(part); }, tokens, parts);
}

}  // namespace pcnet::engine
