#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include <ATen/core/Tensor.h>

#include "pcnet/config/data_options.h"
#include "pcnet/text/omissions.h"
#include "pcnet/text/tokenizer.h"

namespace pcnet::data {

/// Every text of a dataset, tokenised once; equal texts share a row.
class TextBank {
 public:
  TextBank(const text::Tokenizer& tokenizer, const config::DataOptions& options);

  /// The row of this text, added when it is new. Error for a text without any known word.
  std::int64_t add(const std::string& text);

  /// The rows as they are, padded with 0: [rows, text_length] int64.
  at::Tensor gather(const std::vector<std::int64_t>& rows) const;

  std::int64_t rows() const { return static_cast<std::int64_t>(row_of_.size()); }
  /// What the distinct texts lost.
  const text::Omissions& omissions() const { return omissions_; }

 private:
  const text::Tokenizer& tokenizer_;
  std::int64_t length_;
  text::Truncate truncate_;
  std::unordered_map<std::string, std::int64_t> row_of_;
  std::vector<std::int64_t> ids_;  // rows x length_
  text::Omissions omissions_;
};

/// The option's word as a value.
text::Truncate truncate_of(const config::DataOptions& options);

}  // namespace pcnet::data
