#include "pcnet/clip/text_packing.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <torch/types.h>

namespace pcnet::clip {

namespace {

using Ids = std::span<const std::int64_t>;

/// The tokens up to the first greatest id.
Ids up_to_end(Ids row) {
  const auto end = std::max_element(row.begin(), row.end()) - row.begin();
  return row.first(static_cast<std::size_t>(end) + 1);
}

std::string_view bytes_of(Ids ids) {
  return {reinterpret_cast<const char*>(ids.data()), ids.size_bytes()};
}

at::Tensor tokens_of(const std::vector<Ids>& texts) {
  std::size_t longest = 0;
  for (const auto text : texts) longest = std::max(longest, text.size());
  at::Tensor tokens = torch::zeros(
      {static_cast<std::int64_t>(texts.size()), static_cast<std::int64_t>(longest)}, at::kLong);
  auto* out = tokens.mutable_data_ptr<std::int64_t>();
  for (const auto text : texts) {
    std::copy(text.begin(), text.end(), out);
    out += longest;
  }
  return tokens;
}

at::Tensor ends_of(const std::vector<Ids>& texts) {
  at::Tensor ends = torch::empty({static_cast<std::int64_t>(texts.size())}, at::kLong);
  std::transform(texts.begin(), texts.end(), ends.mutable_data_ptr<std::int64_t>(),
                 [](Ids text) { return static_cast<std::int64_t>(text.size()) - 1; });
  return ends;
}

}  // namespace

PackedTexts pack_texts(const at::Tensor& tokens) {
  const at::Tensor rows = tokens.contiguous();
  const auto length = static_cast<std::size_t>(rows.size(1));
  const auto* ids = rows.const_data_ptr<std::int64_t>();
  at::Tensor place_of = torch::empty({rows.size(0)}, at::kLong);
  auto* places = place_of.mutable_data_ptr<std::int64_t>();
  std::unordered_map<std::string_view, std::int64_t> known;
  std::vector<Ids> distinct;
  for (std::int64_t i = 0; i < rows.size(0); ++i) {
    const Ids text = up_to_end({ids + static_cast<std::size_t>(i) * length, length});
    const auto [found, added] =
        known.emplace(bytes_of(text), static_cast<std::int64_t>(distinct.size()));
    if (added) distinct.push_back(text);
    places[i] = found->second;
  }
  if (static_cast<std::int64_t>(distinct.size()) == rows.size(0)) place_of.reset();
  return {tokens_of(distinct), ends_of(distinct), std::move(place_of)};
}

}  // namespace pcnet::clip
