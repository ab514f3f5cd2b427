#include <utility>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/data/pack/pack.h"

namespace pcnet::data {

PackedTokenizer::PackedTokenizer(std::unique_ptr<const text::Tokenizer> tokenizer, const Pack& pack)
    : tokenizer_(std::move(tokenizer)), pack_(pack) {
  const std::string wanted = vocabulary_name(*tokenizer_);
  if (pack.key().vocabulary == wanted) return;
  throw core::Error(
      core::cat("the pack ", pack.path().string(), " is stale: its tokens are of ",
                pack.key().vocabulary, ", the model's of ", wanted,
                "; make it again with `pcnet data pack --replace` and this configuration"));
}

text::Tokens PackedTokenizer::encode(std::string_view text, std::int64_t length,
                                     text::Truncate truncate) const {
  const PackKey& key = pack_.key();
  const char* const cut = truncate == text::Truncate::kCut ? "cut" : "keep_end";
  if (length == key.text_length && cut == key.truncate) {
    if (auto packed = pack_.tokens_of(text)) return std::move(*packed);
  }
  return tokenizer_->encode(text, length, truncate);
}

}  // namespace pcnet::data
