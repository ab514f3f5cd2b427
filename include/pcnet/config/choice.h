#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pcnet::config {

/// The value of a key that is one word of a few: its place among the words of its enum.
class AnyChoice {
 public:
  constexpr explicit AnyChoice(std::size_t index) : index_(static_cast<std::uint8_t>(index)) {}

  constexpr std::size_t index() const { return index_; }

 private:
  std::uint8_t index_;
};

/// The words of the enum E.
template <class E>
inline constexpr auto kWords = words(E{});

/// A word of the enum E, whose words `words(E)`, found beside the enum, gives in its order:
///
///     enum class Mask { kResponse, kSigmoid };
///     constexpr std::array<std::string_view, 2> words(Mask) { return {"response", "sigmoid"}; }
///
/// A literal is taken for its word where it is compiled; a literal that is none does not compile.
template <class E>
class Choice : public AnyChoice {
 public:
  using Enum = E;

  constexpr Choice(E value) : AnyChoice(static_cast<std::size_t>(value)) {}  // NOLINT
  template <std::size_t N>
  consteval Choice(const char (&word)[N])  // NOLINT: a literal is a value of it
      : AnyChoice(*place_of(std::string_view(word, N - 1))) {}

  constexpr operator E() const { return static_cast<E>(index()); }  // NOLINT: for switch
  constexpr std::string_view word() const { return kWords<E>[index()]; }

  friend constexpr bool operator==(const Choice& a, const Choice& b) {
    return a.index() == b.index();
  }
  friend constexpr bool operator==(const Choice& a, E b) { return a == Choice(b); }

 private:
  static constexpr std::optional<std::size_t> place_of(std::string_view word) {
    for (std::size_t i = 0; i < kWords<E>.size(); ++i) {
      if (kWords<E>[i] == word) return i;
    }
    return std::nullopt;
  }
};

/// True for a Choice of some enum.
template <class T>
concept IsChoice = requires(const T& value) {
  []<class E>(const Choice<E>&) {}(value);
};

}  // namespace pcnet::config
