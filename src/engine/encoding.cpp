#include "pcnet/engine/encoding.h"

#include <algorithm>
#include <vector>

#include <torch/types.h>

#include "pcnet/core/batch_norm.h"
#include "pcnet/core/recompute.h"

namespace pcnet::engine {

namespace {

/// @param own rows of the batch, `share` says which
at::Tensor encoded(const torch::nn::Module& model, const core::Stage& encode, const at::Tensor& own,
                   const core::BatchShare& share, std::int64_t wanted) {
  const std::int64_t whole = share.whole(own.size(0));
  const std::int64_t parts = std::min(wanted, whole);
  if (parts <= 1) return encode(own);
  std::vector<at::Tensor> features;
  std::vector<at::Tensor> places;
  core::BatchPart place{.whole = whole};
  for (std::int64_t part = 0; part < parts; ++part) {
    // Row i of the whole batch is in part i mod parts.
    const std::int64_t first = (part - share.before() % parts + parts) % parts;
    place.size = (whole - part + parts - 1) / parts;
    const core::StatisticsOfPart counted(model, place);
    const std::int64_t end = std::max(first, own.size(0));
    features.push_back(core::recomputed(
        model, encode,
        own.slice(/*dim=*/0, std::min(first, own.size(0)), end, parts).contiguous()));
    places.push_back(at::arange(first, end, parts, at::kLong));
    place.before += place.size;
  }
  const at::Tensor order = at::cat(places).argsort().to(features.front().device());
  return at::cat(features).index_select(/*dim=*/0, order);
}

}  // namespace

at::Tensor PartwiseEncoding::images(model::ReferringModel& model, const at::Tensor& images,
                                    const core::BatchShare& share) const {
  return encoded(
      model, [&model](const at::Tensor& part) { return model.encode_images(part); }, images, share,
      parts);
}

at::Tensor PartwiseEncoding::texts(model::ReferringModel& model, const at::Tensor& tokens,
                                   const core::BatchShare& share) const {
  const auto encode = [&model](const at::Tensor& part) { return model.encode_texts(part); };
  if (share.is_whole()) return encoded(model, encode, tokens, share, parts);
  const core::BatchShare texts(share.team(),
                               core::even_shares(tokens.size(0), share.team()->size()));
  return texts.gathered(encoded(model, encode, texts.of(tokens), texts, parts));
}

}  // namespace pcnet::engine
