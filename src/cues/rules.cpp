#include "pcnet/cues/rules.h"

#include <algorithm>

#include "phrases.h"
#include "words.h"

namespace pcnet::cues {

namespace {

constexpr std::size_t kMostWords = 256;

std::string text_of(const std::vector<Word>& words, Span span) {
  std::sort(span.begin(), span.end());
  std::string text;
  for (const std::size_t i : span) {
    if (!text.empty()) text += ' ';
    text += words[i].text;
  }
  return text;
}

Span together(const Span& left, const Span& right) {
  Span both = left;
  both.insert(both.end(), right.begin(), right.end());
  return both;
}

/// "second from left" is one thing: the ordinal waits for where to count from.
void join_ordinals(const std::vector<Word>& words, Phrases& phrases) {
  if (phrases.modifiers.empty()) return;
  const auto ordinal =
      std::find_if(phrases.attributes.begin(), phrases.attributes.end(),
                   [&](const Span& span) { return words[span.front()].tag == Tag::kOrdinal; });
  Span& first = phrases.modifiers.front();
  const std::string& link = words[first.front()].lower;
  if (ordinal == phrases.attributes.end() || (link != "from" && link != "in" && link != "to")) {
    return;
  }
  first = together(*ordinal, first);
  phrases.attributes.erase(ordinal);
}

/// The target's determiner, but no "an" whose adjective is gone: "an open laptop" -> "laptop".
Span fitting_determiner(const std::vector<Word>& words, const Phrases& phrases) {
  if (phrases.determiner.empty()) return {};
  const std::string& article = words[phrases.determiner.back()].lower;
  const char next = words[phrases.target.front()].lower.front();
  const bool vowel = std::string_view("aeiou").find(next) != std::string_view::npos;
  const bool apart = phrases.target.front() != phrases.determiner.back() + 1;
  const bool misfit = apart && ((article == "an" && !vowel) || (article == "a" && vowel));
  return misfit ? Span{} : phrases.determiner;
}

/// No more than `most`: the last ones become one.
void shorten(std::vector<Span>& spans, std::size_t most) {
  while (spans.size() > std::max<std::size_t>(most, 1)) {
    const Span last = std::move(spans.back());
    spans.pop_back();
    spans.back() = together(spans.back(), last);
  }
}

/// The words of a sentence that are taken apart: nobody says more of one object.
std::vector<Word> words_of(std::string_view sentence) {
  std::vector<Word> words = tagged_words(sentence);
  if (words.size() > kMostWords) words.resize(kMostWords);
  return words;
}

}  // namespace

std::vector<std::string> rule_cues(std::string_view sentence, std::size_t most) {
  const std::vector<Word> words = words_of(sentence);
  Phrases phrases = take_apart(words);
  join_ordinals(words, phrases);
  std::vector<Span> said = phrases.attributes;
  said.insert(said.end(), phrases.modifiers.begin(), phrases.modifiers.end());
  const std::size_t room = phrases.target.empty() ? most : most - std::min<std::size_t>(most, 1);
  shorten(said, room);
  std::vector<std::string> cues;
  const auto add = [&](const Span& span) {
    std::string cue = text_of(words, span);
    const bool known = std::find(cues.begin(), cues.end(), cue) != cues.end();
    if (!cue.empty() && !known && cues.size() < std::max<std::size_t>(most, 1)) {
      cues.push_back(std::move(cue));
    }
  };
  if (!phrases.target.empty()) add(together(fitting_determiner(words, phrases), phrases.target));
  for (const Span& span : said) {
    const bool opens = phrases.target.empty() && &span == &said.front();
    add(together(opens ? phrases.determiner : phrases.target, span));
  }
  if (cues.empty()) cues.emplace_back(sentence);
  return cues;
}

std::string target_word(std::string_view sentence) {
  const std::vector<Word> words = words_of(sentence);
  const Span target = take_apart(words).target;
  // "bowl of soup" is a bowl.
  const auto of = std::find_if(target.begin(), target.end(),
                               [&](std::size_t i) { return words[i].tag == Tag::kOf; });
  return of == target.begin() ? std::string() : words[*(of - 1)].lower;
}

}  // namespace pcnet::cues
