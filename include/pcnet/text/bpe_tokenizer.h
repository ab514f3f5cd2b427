#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pcnet/text/tokenizer.h"

namespace pcnet::text {

/// CLIP's byte-pair encoding with its 49,408 entries; the merge table is part of the program. Any
/// bytes are a text: what is not UTF-8 is read as Python reads it with errors="replace". Texts are
/// cleaned as CLIP cleans them, except that wrongly decoded text ("Ã©" for "é") is not guessed
/// back. Words are cached, the memory for it is bounded.
class BpeTokenizer : public Tokenizer {
 public:
  BpeTokenizer();
  ~BpeTokenizer() override;

  Tokens encode(std::string_view text, std::int64_t length,
                Truncate truncate = Truncate::kKeepEnd) const override;
  /// The text's own tokens, however many, without start and end.
  std::vector<std::int64_t> encode_words(std::string_view text) const;
  /// Each word with a space behind it, up to the end token: behind it the id 0 is padding, before
  /// it
  /// "!". Bytes that are no UTF-8 together become U+FFFD. Error for an id out of range.
  std::string decode(std::span<const std::int64_t> ids) const override;

  std::int64_t vocabulary_size() const override { return 49408; }
  std::int64_t start_token() const override { return 49406; }
  std::int64_t end_token() const override { return 49407; }
  const std::vector<std::string>& words() const override;

 private:
  struct Table;
  std::unique_ptr<Table> table_;
};

}  // namespace pcnet::text
