#include "pcnet/cues/known_words.h"

#include <algorithm>
#include <utility>

#include "pcnet/text/lexicon.h"

#include "words.h"

namespace pcnet::cues {

namespace {

bool is_link(const Word& word) {
  switch (word.tag) {
    case Tag::kDeterminer:
      // Numbers and "another" say something.
      return word.lower == "a" || word.lower == "an" || word.lower == "the" ||
             word.lower == "this" || word.lower == "that";
    case Tag::kBe:
    case Tag::kRelative:
    case Tag::kOf:
    case Tag::kConjunction:
    case Tag::kPunctuation:
      return true;
    case Tag::kPreposition:
      return word.lower == "with" || word.lower == "in" || word.lower == "on" || word.lower == "at";
    case Tag::kVerb:
      return word.lower == "has" || word.lower == "have";
    default:
      return false;
  }
}

/// "black-and-white" -> black, and, white.
std::vector<std::string> pieces_of(const std::string& word) {
  std::vector<std::string> pieces(1);
  for (const char c : word) {
    if (c == '-' || c == '/') {
      pieces.emplace_back();
    } else {
      pieces.back() += c;
    }
  }
  std::erase(pieces, "");
  return pieces;
}

/// The word and what it may be a form of: "holding" -> hold, "dogs" -> dog, "taller" -> tall.
std::vector<std::string> forms_of(std::string word) {
  if (word.ends_with("'s")) word.resize(word.size() - 2);
  std::vector<std::string> forms = {word};
  const auto& lexicon = text::Lexicon::english();
  for (const std::string_view form : {lexicon.verb_of(word), lexicon.adjective_of(word)}) {
    if (!form.empty()) forms.emplace_back(form);
  }
  if (word.size() > 3 && word.ends_with("ies")) {
    forms.push_back(word.substr(0, word.size() - 3) + "y");
  } else if (word.size() > 3 && word.ends_with("es")) {
    forms.push_back(word.substr(0, word.size() - 2));
  }
  if (word.size() > 2 && word.ends_with("s") && !word.ends_with("ss")) {
    forms.push_back(word.substr(0, word.size() - 1));
  }
  if (word.ends_with("men")) forms.push_back(word.substr(0, word.size() - 2) + "an");
  return forms;
}

}  // namespace

std::vector<std::string> telling_words(std::string_view text) {
  std::vector<std::string> words;
  for (const Word& word : tagged_words(text)) {
    if (is_link(word)) continue;
    for (auto& piece : pieces_of(word.lower)) words.push_back(std::move(piece));
  }
  return words;
}

KnownWords::KnownWords(std::string_view sentence) {
  for (const Word& word : tagged_words(sentence)) {
    for (const auto& piece : pieces_of(word.lower)) {
      for (auto& form : forms_of(piece)) words_.insert(std::move(form));
    }
  }
}

std::vector<std::string> KnownWords::new_in(std::string_view cue) const {
  auto words = telling_words(cue);
  std::erase_if(words, [&](const std::string& word) {
    const auto forms = forms_of(word);
    return std::any_of(forms.begin(), forms.end(),
                       [&](const auto& form) { return words_.contains(form); });
  });
  return words;
}

}  // namespace pcnet::cues
