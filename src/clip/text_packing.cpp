#include "pcnet/clip/text_packing.h"

#include <algorithm>
#include <numeric>
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

/// Texts in the order in which they are encoded.
std::vector<EqualTexts> groups_of(const std::vector<Ids>& texts, std::size_t least) {
  std::vector<EqualTexts> groups;
  for (const auto text : texts) {
    const auto length = static_cast<std::int64_t>(std::max(text.size(), least));
    if (groups.empty() || groups.back().length != length) groups.push_back({0, length});
    ++groups.back().count;
  }
  return groups;
}

}  // namespace

PackedTexts pack_texts(const at::Tensor& tokens, Lengths lengths) {
  const at::Tensor rows = tokens.contiguous();
  const auto length = static_cast<std::size_t>(rows.size(1));
  const auto* ids = rows.const_data_ptr<std::int64_t>();
  std::vector<std::size_t> place_of;  // of each text among the distinct ones
  std::unordered_map<std::string_view, std::size_t> known;
  std::vector<Ids> distinct;
  for (std::int64_t i = 0; i < rows.size(0); ++i) {
    const Ids text = up_to_end({ids + static_cast<std::size_t>(i) * length, length});
    const auto [found, added] = known.emplace(bytes_of(text), distinct.size());
    if (added) distinct.push_back(text);
    place_of.push_back(found->second);
  }
  std::vector<std::size_t> order(distinct.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::size_t least = 0;
  if (lengths == Lengths::kOwn) {
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return distinct[a].size() < distinct[b].size();
    });
  } else {
    for (const auto text : distinct) least = std::max(least, text.size());
  }
  std::vector<Ids> ordered;
  std::vector<std::int64_t> end_of(distinct.size());
  std::int64_t total = 0;
  for (const std::size_t text : order) {
    ordered.push_back(distinct[text]);
    end_of[text] = total + static_cast<std::int64_t>(distinct[text].size()) - 1;
    total += static_cast<std::int64_t>(std::max(distinct[text].size(), least));
  }
  PackedTexts packed{torch::zeros({total}, at::kLong), groups_of(ordered, least),
                     torch::empty({rows.size(0)}, at::kLong)};
  auto* out = packed.tokens.mutable_data_ptr<std::int64_t>();
  for (const auto text : ordered) {
    std::copy(text.begin(), text.end(), out);
    out += std::max(text.size(), least);
  }
  std::transform(place_of.begin(), place_of.end(), packed.end.mutable_data_ptr<std::int64_t>(),
                 [&](std::size_t place) { return end_of[place]; });
  return packed;
}

}  // namespace pcnet::clip
