#include "pcnet/clip/text_packing.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <utility>
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

/// A row for every beginning of a text that no other before it had.
class TokenTree {
 public:
  /// -> the row of the text's last token
  std::int64_t add(Ids text) {
    std::int64_t row = -1;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto [known, added] = row_of_.try_emplace(Step{row, text[i]}, size());
      if (added) {
        tokens_.push_back(text[i]);
        places_.push_back(static_cast<std::int64_t>(i));
        before_.push_back(row);
      }
      row = known->second;
    }
    return row;
  }
  std::int64_t size() const { return static_cast<std::int64_t>(tokens_.size()); }
  at::Tensor tokens() const { return torch::tensor(tokens_, at::kLong); }
  at::Tensor places() const { return torch::tensor(places_, at::kLong); }
  at::Tensor before() const { return torch::tensor(before_, at::kLong); }

 private:
  struct Step {
    std::int64_t before, token;
    bool operator==(const Step&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Step& step) const {
      constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;  // spreads what differs in low bits
      const auto before = static_cast<std::uint64_t>(step.before);
      return (before * kOdd ^ static_cast<std::uint64_t>(step.token)) * kOdd >> 16U;
    }
  };
  std::unordered_map<Step, std::int64_t, Hash> row_of_;
  std::vector<std::int64_t> tokens_, places_, before_;
};

/// Distinct texts [E, length], behind their ends 0.
PackedTexts padded(const std::vector<Ids>& texts, at::Tensor text) {
  std::size_t length = 0;
  for (const Ids ids : texts) length = std::max(length, ids.size());
  const auto count = static_cast<std::int64_t>(texts.size());
  const auto each = static_cast<std::int64_t>(length);
  const at::Tensor tokens = torch::zeros({count * each}, at::kLong);
  std::vector<std::int64_t> ends;
  auto* out = tokens.mutable_data_ptr<std::int64_t>();
  for (const Ids ids : texts) {
    std::copy(ids.begin(), ids.end(), out);
    ends.push_back(static_cast<std::int64_t>(ends.size() * length + ids.size()) - 1);
    out += length;
  }
  return {tokens,
          torch::arange(each, at::kLong).repeat(count),
          {.before = {}, .length = each, .ends = torch::tensor(ends, at::kLong)},
          std::move(text)};
}

}  // namespace

PackedTexts pack_texts(const at::Tensor& tokens, TextLayout layout) {
  const at::Tensor all = tokens.contiguous();
  const auto length = static_cast<std::size_t>(all.size(1));
  const auto* ids = all.const_data_ptr<std::int64_t>();
  TokenTree tree;
  std::unordered_map<std::int64_t, std::int64_t> known;  // of the row of an end: which text
  std::vector<std::int64_t> ends, text;
  std::vector<Ids> distinct;
  for (std::int64_t i = 0; i < all.size(0); ++i) {
    const Ids own = up_to_end({ids + static_cast<std::size_t>(i) * length, length});
    const std::int64_t end = tree.add(own);
    const auto [found, added] = known.try_emplace(end, static_cast<std::int64_t>(ends.size()));
    if (added) {
      ends.push_back(end);
      distinct.push_back(own);
    }
    text.push_back(found->second);
  }
  at::Tensor text_of = torch::tensor(text, at::kLong);
  if (layout == TextLayout::kPadded) return padded(distinct, std::move(text_of));
  return {tree.tokens(),
          tree.places(),
          {.before = tree.before(), .length = 0, .ends = torch::tensor(ends, at::kLong)},
          std::move(text_of)};
}

}  // namespace pcnet::clip
