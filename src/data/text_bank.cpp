#include "pcnet/data/text_bank.h"

#include <algorithm>

#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

namespace pcnet::data {

text::Truncate truncate_of(const config::DataOptions& options) {
  return options.truncate == "cut" ? text::Truncate::kCut : text::Truncate::kKeepEnd;
}

TextBank::TextBank(const text::Tokenizer& tokenizer, const config::DataOptions& options)
    : tokenizer_(tokenizer), length_(options.text_length), truncate_(truncate_of(options)) {}

std::int64_t TextBank::add(const std::string& text) {
  const auto [place, added] = row_of_.emplace(text, rows());
  if (!added) return place->second;
  const text::Tokens tokens = tokenizer_.encode(text, length_, truncate_);
  if (tokens.words == 0) {
    row_of_.erase(place);
    throw core::Error(core::cat("the text \"", text, "\" holds no word of the vocabulary"));
  }
  ids_.insert(ids_.end(), tokens.ids.begin(), tokens.ids.end());
  const auto padding = std::find(tokens.ids.begin(), tokens.ids.end(), 0);
  lengths_.push_back(padding - tokens.ids.begin());
  if (tokens.cut > 0) ++cut_;
  return rows() - 1;
}

at::Tensor TextBank::gather(const std::vector<std::int64_t>& rows) const {
  std::int64_t longest = 1;
  for (const auto row : rows) longest = std::max(longest, lengths_[static_cast<std::size_t>(row)]);
  at::Tensor tokens =
      torch::empty({static_cast<std::int64_t>(rows.size()), longest}, torch::kInt64);
  auto* out = tokens.mutable_data_ptr<std::int64_t>();
  for (const auto row : rows) {
    const auto* from = ids_.data() + row * length_;
    out = std::copy(from, from + longest, out);
  }
  return tokens;
}

}  // namespace pcnet::data
