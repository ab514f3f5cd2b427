#include "phrases.h"

#include <algorithm>
#include <initializer_list>
#include <unordered_set>

namespace pcnet::cues {

namespace {

using Set = std::unordered_set<std::string_view>;

/// Prepositions that go on telling an action ("a bat over his shoulder") and not the target.
bool completes_action(const std::string& word) {
  static const Set all = {"to",   "over", "into",    "onto",   "off",    "through",
                          "past", "out",  "towards", "toward", "across", "against"};
  return all.contains(word);
}

/// Parts of the body: "in hand", "on her head" belong to what was said before.
bool is_body_part(const std::string& word) {
  static const Set all = {"hand",     "hands",     "head", "lap",  "arm",  "arms", "mouth", "face",
                          "shoulder", "shoulders", "neck", "back", "feet", "foot", "leg",   "legs"};
  return all.contains(word);
}

/// "in", "with" after a person: what the person wears or holds.
bool describes_person(const std::string& word) {
  static const Set all = {"in", "with", "w", "w/", "without"};
  return all.contains(word);
}

void append(Span& span, const Span& more) { span.insert(span.end(), more.begin(), more.end()); }

struct Group {
  Span determiner;
  std::vector<Span> attributes;
  Span nouns;

  Span whole() const {
    Span all = determiner;
    for (const Span& attribute : attributes) append(all, attribute);
    append(all, nouns);
    return all;
  }
};

class Parser {
 public:
  explicit Parser(const std::vector<Word>& words) : words_(words) {}

  Phrases parse() {
    skip_opening();
    Phrases phrases;
    Group target = group();
    if (target.nouns.empty() && target.attributes.empty() && is({Tag::kPlaceNoun})) {
      target.nouns.push_back(at_++);  // half of a sandwich
    }
    if (!target.nouns.empty()) append(target.nouns, joined(/*with_and=*/true));
    phrases.determiner = target.determiner;
    phrases.attributes = target.attributes;
    phrases.target = target.nouns;
    while (at_ < words_.size()) {
      const std::size_t before = at_;
      if (says(at_, "while") && is(at_ + 1, {Tag::kDeterminer, Tag::kPossessive}) &&
          !phrases.modifiers.empty()) {  // of somebody else, meanwhile
        phrases.modifiers.back().push_back(at_++);
        append(phrases.modifiers.back(), modifier());
        continue;
      }
      const Span said = modifier();
      if (!said.empty()) phrases.modifiers.push_back(said);
      if (at_ == before) ++at_;
    }
    return phrases;
  }

 private:
  bool is(std::size_t i, std::initializer_list<Tag> tags) const {
    return i < words_.size() && std::find(tags.begin(), tags.end(), words_[i].tag) != tags.end();
  }
  bool is(std::initializer_list<Tag> tags) const { return is(at_, tags); }
  bool says(std::size_t i, std::string_view word) const {
    return i < words_.size() && words_[i].lower == word;
  }

  /// "there is a ...", "this is the ..."
  void skip_opening() {
    while (is({Tag::kPunctuation})) ++at_;
    static const Set openings = {"there", "it", "this", "that", "here", "he", "she"};
    if (at_ < words_.size() && openings.contains(words_[at_].lower) && is(at_ + 1, {Tag::kBe})) {
      at_ += 2;
    } else if (says(at_, "there's") || says(at_, "it's") || says(at_, "that's")) {
      ++at_;
    }
  }

  /// What can stand before a noun goes on from `i` until a noun.
  bool noun_follows(std::size_t i) const {
    while (is(i, {Tag::kDeterminer, Tag::kPossessive, Tag::kOrdinal, Tag::kAdjective, Tag::kPlace,
                  Tag::kAdverb})) {
      ++i;
    }
    return is(i, {Tag::kNoun});
  }

  /// An attribute before a noun, with what belongs to it: "very tall", "black and white", "top
  /// left".
  Span attribute() {
    Span span;
    if (is({Tag::kPlace})) {
      while (is({Tag::kPlace, Tag::kAdverb, Tag::kPlaceNoun})) span.push_back(at_++);
      return span;
    }
    while (is({Tag::kAdverb})) span.push_back(at_++);
    static const Set shades = {"light", "dark", "bright", "pale", "very"};
    while (at_ < words_.size() && shades.contains(words_[at_].lower) &&
           is(at_ + 1, {Tag::kAdjective})) {
      span.push_back(at_++);
    }
    span.push_back(at_++);
    while (is({Tag::kConjunction}) && is(at_ + 1, {Tag::kAdjective}) && !says(at_ + 2, "than")) {
      span.push_back(at_++);
      span.push_back(at_++);
    }
    return span;
  }

  /// A participle that is said of the noun after it: "the striped shirt", not "holding umbrella".
  bool participle_is_attribute(bool first) const {
    if (!is({Tag::kParticiple})) return false;
    const bool action = words_[at_].lower.ends_with("ing");
    if (action && first) return is(at_ + 1, {Tag::kNoun}) && words_[at_ + 1].person;
    return is(at_ + 1, {Tag::kNoun, Tag::kAdjective, Tag::kParticiple});
  }

  Group group() {
    Group found;
    while (is({Tag::kDeterminer, Tag::kPossessive})) found.determiner.push_back(at_++);
    while (at_ < words_.size()) {
      const bool first = found.determiner.empty() && found.attributes.empty();
      if (is({Tag::kPunctuation}) && !found.attributes.empty() && says(at_, ",") &&
          is(at_ + 1, {Tag::kAdjective}) && noun_follows(at_ + 1)) {
        ++at_;
      }
      const bool before = is({Tag::kAdjective, Tag::kOrdinal, Tag::kPlace, Tag::kPossessive}) ||
                          (is({Tag::kAdverb}) && is(at_ + 1, {Tag::kAdjective, Tag::kPlace})) ||
                          participle_is_attribute(first);
      if (!before) break;
      found.attributes.push_back(attribute());
    }
    while ((is({Tag::kNoun}) && (found.nouns.empty() || !is_subject_pronoun())) ||
           (!found.nouns.empty() && is({Tag::kPlaceNoun, Tag::kPossessive}) &&
            is(at_ + 1, {Tag::kNoun}))) {
      found.nouns.push_back(at_++);
    }
    if (found.nouns.empty() && is({Tag::kOf}) && !found.attributes.empty() &&
        words_[found.attributes.back().back()].tag == Tag::kAdjective) {  // the taller of the two
      found.nouns = found.attributes.back();
      found.attributes.pop_back();
    }
    if (!found.nouns.empty()) append(found.nouns, joined(/*with_and=*/false));
    return found;
  }

  /// What makes one thing of two nouns: "bowl of soup"; with_and: "hat and glasses".
  Span joined(bool with_and) {
    Span span;
    if (is({Tag::kOf}) && at_ + 1 < words_.size()) {
      span.push_back(at_++);
      append(span, place_or_group());
    }
    while (with_and && is({Tag::kConjunction}) && noun_follows(at_ + 1) && !says(at_, "while")) {
      span.push_back(at_++);
      append(span, group().whole());
    }
    return span;
  }

  /// A place ("the far right side of the picture") or a noun with what belongs to it.
  Span place_or_group() {
    const Group first = group();
    Span span = first.whole();
    if (!first.nouns.empty() && is({Tag::kPlace}) &&
        (is(at_ + 1, {Tag::kOf}) || says(at_ + 1, "than"))) {
      return span;  // "man in a hat left of the tree": the man is left of it
    }
    while (is({Tag::kPlaceNoun, Tag::kPlace, Tag::kOf})) {
      const bool of = is({Tag::kOf});
      span.push_back(at_++);
      if (of) append(span, group().whole());
    }
    return span;
  }

  /// "on it", "behind him": of what was named before.
  bool is_pronoun(std::size_t i) const {
    static const Set all = {"it", "him", "them", "her"};
    return is(i, {Tag::kNoun}) && all.contains(words_[i].lower);
  }

  bool is_subject_pronoun() const {
    static const Set all = {"we", "you", "he", "she", "they"};
    return is({Tag::kNoun}) && all.contains(words_[at_].lower);
  }

  bool object_is_person(const Span& span) const {
    return !span.empty() && words_[span.back()].person;
  }

  /// Whether what follows still belongs to the object that was just read.
  bool goes_on(const Span& span, bool action) const {
    if (is({Tag::kPreposition, Tag::kTo})) {
      if (action && completes_action(words_[at_].lower)) return true;
      if (is_pronoun(at_ + 1)) return true;
      if (is(at_ + 1, {Tag::kPossessive})) {
        return !says(at_, "with") || object_is_person(span);
      }
      if (is({Tag::kTo}) && is_body_part(words_[span.back()].lower)) return true;  // back to us
      if (at_ + 1 < words_.size() && is_body_part(words_[at_ + 1].lower)) return true;
      return object_is_person(span) && describes_person(words_[at_].lower);
    }
    if (is({Tag::kParticiple}) || (is({Tag::kRelative}) && at_ + 1 < words_.size())) {
      return object_is_person(span);
    }
    return false;
  }

  /// What an object is followed by that belongs to it.
  void read_on(Span& span, bool action) {
    append(span, joined(/*with_and=*/true));
    static const Set endings = {"on", "off", "out", "up", "down"};
    if (at_ < words_.size() && endings.contains(words_[at_].lower) && !noun_follows(at_ + 1) &&
        !is(at_ + 1, {Tag::kDeterminer, Tag::kPossessive, Tag::kPlace, Tag::kPlaceNoun})) {
      span.push_back(at_++);  // "with its lights on"
    }
    while (at_ < words_.size() && goes_on(span, action)) {
      if (is({Tag::kRelative})) span.push_back(at_++);
      while (is({Tag::kBe})) span.push_back(at_++);
      append(span, is({Tag::kPreposition, Tag::kTo}) ? prepositional() : acting());
    }
  }

  /// "with its lid open", "with his arms crossed": how something is, at the end.
  bool state_follows() const {
    if (at_ + 1 < words_.size() && !is(at_ + 1, {Tag::kPunctuation})) return false;
    if (is({Tag::kAdjective}) || says(at_, "missing")) return true;
    return is({Tag::kParticiple}) && !words_[at_].lower.ends_with("ing");
  }

  Span prepositional() {
    Span span;
    while (is({Tag::kPreposition, Tag::kTo, Tag::kAdverb})) span.push_back(at_++);
    if (is({Tag::kParticiple}) && !participle_is_attribute(/*first=*/false)) {
      append(span, acting());
      return span;
    }
    const bool with = says(at_ - 1, "with");
    append(span, place_or_group());
    if (with && state_follows()) span.push_back(at_++);
    read_on(span, /*action=*/false);
    return span;
  }

  /// "taller than the woman", "much lower than a tree"; empty where nothing is compared.
  Span comparison() {
    static const Set degrees = {"much", "far", "more", "less"};
    std::size_t end = at_;
    while (is(end, {Tag::kAdverb}) ||
           (end < words_.size() && degrees.contains(words_[end].lower))) {
      ++end;
    }
    Span span;
    if (!is(end, {Tag::kAdjective, Tag::kPlace}) || !says(end + 1, "than")) return span;
    while (at_ <= end) span.push_back(at_++);
    append(span, prepositional());
    return span;
  }

  /// A verb or participle with its objects.
  Span acting() {
    Span span;
    while (is({Tag::kVerb, Tag::kParticiple, Tag::kNegation, Tag::kAdverb})) span.push_back(at_++);
    while (is({Tag::kTo}) && is(at_ + 1, {Tag::kVerb, Tag::kNoun})) {
      span.push_back(at_++);
      span.push_back(at_++);
    }
    if (is({Tag::kPreposition, Tag::kTo})) {
      append(span, prepositional());
      return span;
    }
    if (const Span compared = comparison(); !compared.empty()) {
      append(span, compared);
      return span;
    }
    append(span, place_or_group());
    while (is({Tag::kAdverb})) span.push_back(at_++);
    read_on(span, /*action=*/true);
    return span;
  }

  /// "just hit", "about to serve", "wearing".
  bool action_follows() const {
    std::size_t i = at_;
    while (is(i, {Tag::kAdverb})) ++i;
    if (is(i, {Tag::kTo}) && i > at_) ++i;
    return is(i, {Tag::kParticiple, Tag::kVerb});
  }

  /// One thing that is said of the target, empty when only a mark or a link was passed.
  Span modifier() {
    if (is({Tag::kPunctuation, Tag::kConjunction, Tag::kBe})) {
      ++at_;
      return {};
    }
    if (is({Tag::kRelative})) {
      if (!says(at_, "whose")) {
        ++at_;
        return {};
      }
      Span span = {at_++};
      append(span, group().whole());
      while (is({Tag::kBe})) span.push_back(at_++);
      append(span, modifier());
      if (is({Tag::kPreposition})) append(span, prepositional());
      return span;
    }
    Span span;
    const bool subject = is({Tag::kDeterminer, Tag::kPossessive}) || is_subject_pronoun();
    if (is({Tag::kNegation})) span.push_back(at_++);
    if (is({Tag::kOrdinal}) && is(at_ + 1, {Tag::kPreposition})) span.push_back(at_++);
    if (const Span compared = comparison(); !compared.empty()) {
      append(span, compared);
    } else if (action_follows()) {
      append(span, acting());
    } else if (is({Tag::kPreposition, Tag::kTo, Tag::kOf})) {
      if (is({Tag::kOf})) span.push_back(at_++);
      append(span, prepositional());
    } else if ((is({Tag::kPlace, Tag::kAdverb, Tag::kPlaceNoun}) && !noun_follows(at_)) ||
               (is({Tag::kOrdinal}) && is(at_ + 1, {Tag::kPlaceNoun}))) {
      if (is({Tag::kOrdinal})) span.push_back(at_++);
      while (is({Tag::kPlace, Tag::kAdverb, Tag::kPlaceNoun})) span.push_back(at_++);
      if (is({Tag::kOf})) append(span, joined(/*with_and=*/false));
    } else {
      append(span, group().whole());
      if (!span.empty()) append(span, joined(/*with_and=*/true));
      if (!span.empty() && subject && is({Tag::kBe, Tag::kVerb})) {  // the horse the girl is riding
        while (is({Tag::kBe})) span.push_back(at_++);
        append(span, acting());
      }
    }
    return span;
  }

  const std::vector<Word>& words_;
  std::size_t at_ = 0;
};

}  // namespace

Phrases take_apart(const std::vector<Word>& words) { return Parser(words).parse(); }

}  // namespace pcnet::cues
