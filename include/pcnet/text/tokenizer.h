#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pcnet::text {

/// What is kept of a text that is longer than the context (docs/method.md#encoders).
enum class Truncate {
  kKeepEnd,  ///< the end token takes the last place
  kCut,      ///< the released code's way: the end token is lost
};

/// A text as token ids.
struct Tokens {
  std::vector<std::int64_t> ids;           ///< [length], padded with 0
  std::int64_t words = 0;                  ///< tokens of the text itself, before any cut
  std::int64_t cut = 0;                    ///< tokens of the text dropped for lack of room
  std::vector<std::string> unknown_words;  ///< words outside a closed vocabulary, left out
};

/// Turns texts into token ids and back. The end token has the greatest id, so that the arg-max of a
/// row finds its end as in CLIP. Safe to share between threads.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// start token, text, end token, padding: `length` ids (Error below 3).
  virtual Tokens encode(std::string_view text, std::int64_t length,
                        Truncate truncate = Truncate::kKeepEnd) const = 0;
  /// The text of these ids; start, end and padding are left out. Error for an id out of range.
  virtual std::string decode(std::span<const std::int64_t> ids) const = 0;

  virtual std::int64_t vocabulary_size() const = 0;
  virtual std::int64_t start_token() const = 0;
  virtual std::int64_t end_token() const = 0;
  /// The words that a checkpoint must store to make this tokenizer again; none for a built-in one.
  virtual const std::vector<std::string>& words() const = 0;

 protected:
  /// Adds start and end to a text's own tokens and fits them into `length` places.
  Tokens frame(std::span<const std::int64_t> text, std::int64_t length, Truncate truncate) const;
};

}  // namespace pcnet::text
