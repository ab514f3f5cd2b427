#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pcnet::cues {

/// What a word does in a referring expression.
enum class Tag {
  kDeterminer,   // the, a, this, two
  kPossessive,   // his, the woman's
  kOrdinal,      // second, 2nd, last
  kAdjective,    // red, taller
  kNoun,         // man, one, number
  kPlace,        // left, top, middle, far, closest
  kPlaceNoun,    // side, corner, row
  kAdverb,       // very, away
  kPreposition,  // in, next to
  kOf,
  kTo,
  kParticiple,  // holding, dressed
  kVerb,        // wears, hold
  kBe,          // is, are, been
  kRelative,    // who, which, whose
  kConjunction,
  kNegation,
  kPunctuation,
};

/// A word or a mark of a sentence.
struct Word {
  std::string text;  ///< as typed, in plain characters
  std::string lower;
  Tag tag = Tag::kNoun;
  bool person = false;  ///< a noun that means a person
};

/// Splits a sentence and tags its words: closed classes by list, the others by text::Lexicon, their
/// endings and their neighbours.
std::vector<Word> tagged_words(std::string_view sentence);

}  // namespace pcnet::cues
