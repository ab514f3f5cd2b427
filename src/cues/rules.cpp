#include "pcnet/cues/rules.h"

#include <algorithm>

#include "phrases.h"
#include "words.h"

namespace pcnet::cues {

namespace {

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

/// No more than `most`: attributes become one cue, the last modifiers too.
void shorten(std::vector<Span>& spans, std::size_t from, std::size_t to, std::size_t most) {
  while (spans.size() > most && to > from + 1) {
    spans[to - 2] = together(spans[to - 2], spans[to - 1]);
    spans.erase(spans.begin() + static_cast<std::ptrdiff_t>(to) - 1);
    --to;
  }
}

}  // namespace

std::vector<std::string> rule_cues(std::string_view sentence, std::size_t most) {
  const std::vector<Word> words = tagged_words(sentence);
  Phrases phrases = take_apart(words);
  join_ordinals(words, phrases);
  std::vector<Span> said = phrases.attributes;
  const std::size_t attributes = said.size();
  said.insert(said.end(), phrases.modifiers.begin(), phrases.modifiers.end());
  const std::size_t room = phrases.target.empty() ? most : most - std::min<std::size_t>(most, 1);
  shorten(said, 0, attributes, std::max<std::size_t>(room, 1));
  shorten(said, 0, said.size(), std::max<std::size_t>(room, 1));
  std::vector<std::string> cues;
  const auto add = [&](const Span& span) {
    std::string cue = text_of(words, span);
    const bool known = std::find(cues.begin(), cues.end(), cue) != cues.end();
    if (!cue.empty() && !known && cues.size() < std::max<std::size_t>(most, 1)) {
      cues.push_back(std::move(cue));
    }
  };
  if (!phrases.target.empty()) add(together(phrases.determiner, phrases.target));
  for (const Span& span : said) {
    const bool opens = phrases.target.empty() && &span == &said.front();
    add(together(opens ? phrases.determiner : phrases.target, span));
  }
  if (cues.empty()) cues.emplace_back(sentence);
  return cues;
}

std::string target_word(std::string_view sentence) {
  const std::vector<Word> words = tagged_words(sentence);
  const Span target = take_apart(words).target;
  // "bowl of soup" is a bowl.
  const auto of = std::find_if(target.begin(), target.end(),
                               [&](std::size_t i) { return words[i].tag == Tag::kOf; });
  return of == target.begin() ? std::string() : words[*(of - 1)].lower;
}

}  // namespace pcnet::cues
