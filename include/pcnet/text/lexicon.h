#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

namespace pcnet::text {

/// What an English word can be, by WordNet 3.0 (third_party/wordnet). Words are in lower case.
class Lexicon {
 public:
  /// The one that is part of the program, read at the first call.
  static const Lexicon& english();

  /// @param lines the text of third_party/wordnet/lexicon.txt; it must outlive the lexicon
  explicit Lexicon(std::string_view lines);

  /// Letters, the most frequent first: n noun, v verb, a adjective, r adverb. Empty for a word that
  /// is not listed: the noun of a thing, or no word at all.
  std::string_view kinds(std::string_view word) const;
  /// Whether its first meaning as a noun is a person; a regular plural counts as its singular.
  bool is_person(std::string_view word) const;
  /// What an inflected verb comes from ("holding" -> "hold", "worn" -> "wear"); empty when it is no
  /// form of a listed verb.
  std::string_view verb_of(std::string_view form) const;
  /// The adjective of a comparative or superlative ("bigger" -> "big"); empty when it is none.
  std::string_view adjective_of(std::string_view form) const;

 private:
  /// The first listed word of `kind` among what is left when an ending is taken away.
  std::string_view stem(std::string_view form, std::string_view ending, char kind) const;
  std::string_view listed(const std::string& word, char kind) const;

  std::unordered_map<std::string_view, std::string_view> kinds_;
  std::unordered_map<std::string_view, std::string_view> verbs_;
};

}  // namespace pcnet::text
