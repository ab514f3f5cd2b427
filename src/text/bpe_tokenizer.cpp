#include "pcnet/text/bpe_tokenizer.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <unordered_map>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/text/utf8.h"

#include "bpe_merges.h"
#include "bpe_split.h"
#include "clean.h"
#include "unicode.h"

namespace pcnet::text {

namespace {

struct StringHash {
  using is_transparent = void;  // finds views without making strings of them
  std::size_t operator()(std::string_view word) const {
    return std::hash<std::string_view>()(word);
  }
};

/// Words and their ids. Parts with a lock each keep threads out of each other's way; a full part is
/// emptied, which bounds the memory to some 10 MB and follows the texts at hand.
class WordCache {
 public:
  /// Appends the ids of `word`, made by `split` when they are not here.
  template <class Split>
  void append(std::string_view word, std::vector<std::int64_t>& ids, Split split) {
    if (word.size() > kLongestWord) {
      const auto made = split(word);
      ids.insert(ids.end(), made.begin(), made.end());
      return;
    }
    Part& part = parts_[StringHash()(word) % kParts];
    {
      const std::scoped_lock lock(part.mutex);
      const auto found = part.words.find(word);
      if (found != part.words.end()) {
        ids.insert(ids.end(), found->second.begin(), found->second.end());
        return;
      }
    }
    auto made = split(word);
    ids.insert(ids.end(), made.begin(), made.end());
    const std::scoped_lock lock(part.mutex);
    if (part.words.size() >= kWordsPerPart) part.words.clear();
    part.words.emplace(word, std::move(made));
  }

 private:
  static constexpr std::size_t kParts = 32;
  static constexpr std::size_t kWordsPerPart = 2048;
  static constexpr std::size_t kLongestWord = 64;

  struct Part {
    std::mutex mutex;
    std::unordered_map<std::string, std::vector<std::int32_t>, StringHash, std::equal_to<>> words;
  };
  std::array<Part, kParts> parts_;
};

}  // namespace

struct BpeTokenizer::Table {
  BpeMerges merges;
  WordCache cache;
};

BpeTokenizer::BpeTokenizer() : table_(std::make_unique<Table>()) {}
BpeTokenizer::~BpeTokenizer() = default;

std::vector<std::int64_t> BpeTokenizer::encode_words(std::string_view text) const {
  const std::string clean = clean_text(text);
  std::vector<std::int64_t> ids;
  std::string_view rest = clean;
  for (BpeWord word = take_word(rest); word.kind != BpeWord::Kind::kNone; word = take_word(rest)) {
    if (word.kind == BpeWord::Kind::kOther) {
      table_->cache.append(word.bytes, ids, [this](std::string_view bytes) {
        return table_->merges.split_word(bytes);
      });
    } else {
      ids.push_back(word.kind == BpeWord::Kind::kStart ? start_token() : end_token());
    }
  }
  return ids;
}

Tokens BpeTokenizer::encode(std::string_view text, std::int64_t length, Truncate truncate) const {
  return frame(encode_words(text), length, truncate);
}

std::string BpeTokenizer::decode(std::span<const std::int64_t> ids) const {
  for (const std::int64_t id : ids) {
    if (id < 0 || id >= vocabulary_size()) {
      throw core::Error(
          core::cat("token ", id, " is not in the vocabulary of ", vocabulary_size(), " entries"));
    }
  }
  // Padding is 0, which is also "!": only what stands behind the end token is padding.
  const auto end = std::find(ids.begin(), ids.end(), end_token());
  std::string bytes;
  for (auto id = ids.begin(); id != end; ++id) {
    if (*id != start_token()) bytes += table_->merges.spell(static_cast<std::int32_t>(*id));
  }
  std::string text = valid_utf8(bytes);
  std::string spaced;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t plain = std::min(rest.find(kWordEnd), rest.size());
    spaced += rest.substr(0, plain);
    if (plain < rest.size()) spaced += ' ';
    rest.remove_prefix(std::min(plain + kWordEnd.size(), rest.size()));
  }
  return spaced;
}

const std::vector<std::string>& BpeTokenizer::words() const {
  static const std::vector<std::string> kNone;
  return kNone;
}

}  // namespace pcnet::text
