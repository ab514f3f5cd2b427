#include "pcnet/text/tokenizer.h"

#include <algorithm>

#include "pcnet/core/error.h"

namespace pcnet::text {

Tokens Tokenizer::frame(std::span<const std::int64_t> text, std::int64_t length,
                        Truncate truncate) const {
  if (length < 3) throw core::Error("a text needs room for at least 3 tokens");
  const auto size = static_cast<std::int64_t>(text.size());
  const bool fits = size + 2 <= length;
  const bool ends = fits || truncate == Truncate::kKeepEnd;
  const std::int64_t kept = std::min(size, ends ? length - 2 : length - 1);
  Tokens tokens;
  tokens.words = size;
  tokens.cut = size - kept;
  tokens.ids.reserve(static_cast<std::size_t>(length));
  tokens.ids.push_back(start_token());
  tokens.ids.insert(tokens.ids.end(), text.begin(), text.begin() + kept);
  if (ends) tokens.ids.push_back(end_token());
  tokens.ids.resize(static_cast<std::size_t>(length), 0);
  return tokens;
}

}  // namespace pcnet::text
