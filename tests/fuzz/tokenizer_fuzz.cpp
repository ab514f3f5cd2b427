#include "pcnet/text/bpe_tokenizer.h"
#include "pcnet/text/mirror.h"
#include "pcnet/text/word_tokenizer.h"

#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const pcnet::text::BpeTokenizer tokenizer;
  return pcnet::fuzz::run(data, size, [](auto text) {
    using pcnet::text::Truncate;
    constexpr std::int64_t kLength = 20;
    const auto words = tokenizer.encode_words(text);
    const auto tokens = tokenizer.encode(text, kLength);
    const auto all = static_cast<std::int64_t>(words.size());
    // What is kept and what is cut are the text's tokens; the end is always there.
    pcnet::fuzz::require(tokens.ids.size() == kLength && tokens.words == all);
    pcnet::fuzz::require(tokens.cut == std::max<std::int64_t>(all - (kLength - 2), 0));
    const auto end = static_cast<std::size_t>(all - tokens.cut) + 1;
    pcnet::fuzz::require(tokens.ids[end] == tokenizer.end_token());
    for (const auto id : words) pcnet::fuzz::require(id >= 0 && id < tokenizer.vocabulary_size());
    tokenizer.decode(words);
    // Whatever stands in a text, a vocabulary made of it knows all of its words.
    const auto own = pcnet::text::WordTokenizer::from_texts({std::string(text)});
    pcnet::fuzz::require(own.encode(text, kLength).unknown_words.empty());
    if (const auto mirrored = pcnet::text::mirrored(text)) {
      pcnet::fuzz::require(pcnet::text::mirrored(*mirrored) == std::string(text));
    }
  });
}
