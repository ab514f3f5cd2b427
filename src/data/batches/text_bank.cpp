#include "pcnet/data/batches/text_bank.h"

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
  if (const auto known = row_of_.find(text); known != row_of_.end()) return known->second;
  const text::Tokens tokens = tokenizer_.encode(text, length_, truncate_);
  if (tokens.words == 0) {
    throw core::Error(core::cat("the text \"", text, "\" holds no word of the vocabulary"));
  }
  ids_.insert(ids_.end(), tokens.ids.begin(), tokens.ids.end());
  omissions_.add(tokens);
  return row_of_.emplace(text, rows()).first->second;
}

at::Tensor TextBank::gather(const std::vector<std::int64_t>& rows) const {
  at::Tensor tokens =
      torch::empty({static_cast<std::int64_t>(rows.size()), length_}, torch::kInt64);
  auto* out = tokens.mutable_data_ptr<std::int64_t>();
  for (const auto row : rows) {
    const auto* from = ids_.data() + row * length_;
    out = std::copy(from, from + length_, out);
  }
  return tokens;
}

}  // namespace pcnet::data
