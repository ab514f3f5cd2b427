#include "words.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <unordered_map>
#include <unordered_set>

#include "pcnet/text/lexicon.h"
#include "pcnet/text/plain_text.h"

namespace pcnet::cues {

namespace {

using Set = std::unordered_set<std::string_view>;

/// Words whose tag does not depend on their neighbours.
struct Class {
  Tag tag;
  std::string_view words;
};

constexpr std::array kClosedClasses = {
    Class{Tag::kDeterminer,
          "a an the this these those some any each every both all another no da teh other several "
          "many"},
    Class{Tag::kPossessive, "his her its their my your our hers"},
    Class{Tag::kOrdinal, "first second third fourth fifth sixth last next"},
    Class{Tag::kPlace,
          "left right top bottom middle center centre upper lower far furthest farthest farther "
          "further closest nearest closer nearer leftmost rightmost topmost back front rear lefty "
          "foreground background most uppermost bottommost lft rt rite mid outermost innermost "
          "forefront frontmost"},
    Class{Tag::kPlaceNoun, "side corner edge row end sides half area"},
    Class{
        Tag::kPreposition,
        "in on at with w without behind by beside besides between under underneath beneath below "
        "above over inside outside into onto from near against around along across through toward "
        "towards among amongst for nearby opposite past beyond within atop upon off during about "
        "than as like w/ w/out w/o amid alongside"},
    Class{Tag::kOf, "of"}, Class{Tag::kTo, "to"},
    Class{Tag::kBe, "is are was were be been being am appears seems"},
    Class{Tag::kRelative, "who which that whose where whom who's that's"},
    Class{Tag::kConjunction, "and or but & while n"},
    Class{Tag::kNegation, "not isn't aren't doesn't never n't"},
    Class{Tag::kAdverb,
          "away up down almost only just also mostly slightly directly partially barely out too so "
          "really together alone forward sideways upright apart straight facing here there"},
    Class{Tag::kVerb, "has have had does do can will wears wear"},
    // Nouns in pictures that the lexicon knows better as something else, or by their endings would
    // be taken for something else.
    Class{
        Tag::kNoun,
        "one ones it him he she them they us me you we someone somebody something person people "
        "thing hand head face arm arms hands building buildings ceiling painting paintings ring "
        "earring earrings string king wing wings railing clothing icing frosting topping toppings "
        "stuffing dressing evening morning wedding awning siding bedding pudding dumpling duckling "
        "sling wiring opening swing seating bed shed sled seed weed feed reed speed breed steed "
        "camera stop cut fence plate water train trains park dress glasses sunglasses shorts pants "
        "jeans sheep bus horse chair cross"},
    Class{Tag::kAdjective,
          "blonde blond male female own lone same whole two three four five six seven eight nine "
          "ten"}};

using Tags = std::unordered_map<std::string_view, Tag>;

const Tags& closed_words() {
  static const Tags all = [] {
    Tags tags;
    for (const auto& [tag, words] : kClosedClasses) {
      for (std::string_view left = words; !left.empty();) {
        const std::size_t end = std::min(left.find(' '), left.size());
        tags.emplace(left.substr(0, end), tag);
        left.remove_prefix(std::min(end + 1, left.size()));
      }
    }
    return tags;
  }();
  return all;
}

/// Nouns that before another noun tell its colour, material or age.
const Set& attributive() {
  static const Set all = {"orange", "gold",  "silver", "cream",   "maroon",  "teal",      "khaki",
                          "denim",  "plaid", "metal",  "plastic", "brick",   "leather",   "stone",
                          "adult",  "baby",  "wood",   "cyan",    "magenta", "turquoise", "violet",
                          "hollow", "solid", "velvet", "wicker"};
  return all;
}

const Set& people() {
  static const Set all = {"he",  "she",     "him",    "they",  "them",   "someone", "somebody",
                          "us",  "person",  "people", "guy",   "lady",   "gal",     "ppl",
                          "kid", "kids",    "dude",   "mom",   "dad",    "baby",    "women",
                          "men", "players", "player", "skier", "surfer", "catcher", "batter"};
  return all;
}

/// Verbs that are said without an ending: "guy hold bat".
const Set& plain_actions() {
  static const Set all = {"hold", "wear", "sit",  "stand", "ride", "eat",   "look",
                          "face", "lean", "walk", "carry", "have", "drink", "watch"};
  return all;
}

/// What stands between a word and "to" in prepositions of two words: next to, closest to.
const Set& before_to() {
  static const Set all = {"next", "close", "closer", "closest", "nearer", "nearest", "adjacent"};
  return all;
}

bool is_letter(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalnum(byte) != 0 || byte >= 0x80 || c == '\'' || c == '&';
}

/// Where the word that starts at `begin` ends. Hyphens, points and slashes count inside a word.
std::size_t end_of_word(std::string_view sentence, std::size_t begin) {
  std::size_t end = begin;
  while (end < sentence.size()) {
    const char c = sentence[end];
    const bool inside = (c == '-' || c == '.' || c == '/') && end + 1 < sentence.size() &&
                        is_letter(sentence[end + 1]);
    if (!is_letter(c) && !inside) break;
    ++end;
  }
  const std::string_view word = sentence.substr(begin, end - begin);
  if ((word == "w" || word == "W") && end < sentence.size() && sentence[end] == '/') ++end;
  return end;
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::vector<Word> split(std::string_view sentence) {
  std::vector<Word> words;
  for (std::size_t i = 0; i < sentence.size();) {
    if (is_space(sentence[i])) {
      ++i;
      continue;
    }
    const std::size_t end = is_letter(sentence[i]) ? end_of_word(sentence, i) : i + 1;
    Word word{std::string(sentence.substr(i, end - i)), {}, Tag::kNoun, false};
    if (!is_letter(sentence[i])) word.tag = Tag::kPunctuation;
    word.lower = word.text;
    std::transform(word.lower.begin(), word.lower.end(), word.lower.begin(), [](unsigned char c) {
      return c < 0x80 ? static_cast<char>(std::tolower(c)) : static_cast<char>(c);
    });
    // "w/hat" is with hat, and no word of the sentence may be lost.
    if (word.lower.starts_with("w/") && word.lower.size() > 2 && word.lower != "w/out" &&
        word.lower != "w/o") {
      Word with{word.text.substr(0, 2), "w/", Tag::kPreposition, false};
      words.push_back(with);
      word.text.erase(0, 2);
      word.lower.erase(0, 2);
    }
    words.push_back(std::move(word));
    i = end;
  }
  return words;
}

bool is_number(const std::string& word) {
  return std::all_of(word.begin(), word.end(), [](unsigned char c) { return std::isdigit(c); });
}

/// 1st, 2nd, 23rd, 4th
bool is_ordinal(const std::string& word) {
  if (word.size() < 3 || std::isdigit(static_cast<unsigned char>(word[0])) == 0) return false;
  const std::string end = word.substr(word.size() - 2);
  return end == "st" || end == "nd" || end == "rd" || end == "th";
}

/// The tag of a word of an open class, as far as it tells by itself.
Tag open_tag(const std::string& word) {
  const auto& lexicon = text::Lexicon::english();
  if (is_ordinal(word)) return Tag::kOrdinal;
  if (word.ends_with("'s") && word.size() > 2) return Tag::kPossessive;
  if (word.find('-') != std::string::npos) {
    return word.ends_with("ed") || word.ends_with("ing") || lexicon.kinds(word).starts_with('a')
               ? Tag::kAdjective
               : Tag::kNoun;
  }
  const std::string_view kinds = lexicon.kinds(word);
  const bool noun_form = word.ends_with("ss") || word.ends_with("us");
  if (word.ends_with("ing") && !lexicon.verb_of(word).empty()) return Tag::kParticiple;
  if (kinds.starts_with('a')) return Tag::kAdjective;
  if (kinds.starts_with('r')) return Tag::kAdverb;
  const std::string_view verb = lexicon.verb_of(word);
  if (word.ends_with("ed") && !verb.empty()) return Tag::kParticiple;
  if (kinds.empty() && !lexicon.adjective_of(word).empty()) return Tag::kAdjective;
  if (!verb.empty() && !word.ends_with("s") && !kinds.starts_with('n')) return Tag::kParticiple;
  if (!verb.empty() && word.ends_with("s") && !noun_form && lexicon.kinds(verb).starts_with('v')) {
    return Tag::kVerb;
  }
  return kinds.starts_with('v') ? Tag::kVerb : Tag::kNoun;
}

bool in(const std::vector<Word>& words, std::size_t i, std::initializer_list<Tag> tags) {
  return i < words.size() && std::find(tags.begin(), tags.end(), words[i].tag) != tags.end();
}

/// "who just hit": a verb is to come.
bool after_relative(const std::vector<Word>& words, std::size_t i) {
  while (in(words, i - 1, {Tag::kAdverb, Tag::kNegation})) --i;
  return in(words, i - 1, {Tag::kRelative}) && words[i - 1].lower != "whose";
}

bool is_verb_form(const std::string& word) {
  const auto& lexicon = text::Lexicon::english();
  return closed_words().find(word) == closed_words().end()
             ? !lexicon.verb_of(word).empty() ||
                   lexicon.kinds(word).find('v') != std::string_view::npos
             : word == "cut";
}

/// "an open laptop": an adjective too, and no noun before all.
bool is_rather_adjective(const std::string& word) {
  const std::string_view kinds = text::Lexicon::english().kinds(word);
  return !kinds.empty() && kinds.front() != 'n' && kinds.find('a') != std::string_view::npos &&
         closed_words().find(word) == closed_words().end();
}

bool is_past_participle(const std::string& word) {
  return !word.ends_with("ing") && !text::Lexicon::english().verb_of(word).empty();
}

/// A word whose tag hangs on its neighbours.
Tag tag_in_place(const std::vector<Word>& words, std::size_t i) {
  const Word& word = words[i];
  const bool before_noun = in(words, i + 1, {Tag::kNoun});
  const bool after_noun = i > 0 && in(words, i - 1, {Tag::kNoun});
  if (before_to().contains(word.lower) && in(words, i + 1, {Tag::kTo})) return Tag::kPreposition;
  if (word.lower == "to" && i > 0 && before_to().contains(words[i - 1].lower)) {
    return Tag::kPreposition;
  }
  if (word.lower == "one") return before_noun ? Tag::kDeterminer : Tag::kNoun;
  if (word.lower == "her" || word.lower == "his") {
    return in(words, i + 1, {Tag::kNoun, Tag::kAdjective, Tag::kPlace, Tag::kParticiple})
               ? Tag::kPossessive
               : Tag::kNoun;
  }
  if (word.lower == "that") {  // that man, the man that
    return i == 0 || in(words, i - 1, {Tag::kPreposition}) ? Tag::kDeterminer : Tag::kRelative;
  }
  if (word.lower == "other") return Tag::kAdjective;
  if (word.lower == "about" && in(words, i + 1, {Tag::kTo})) return Tag::kAdverb;
  if (word.tag == Tag::kNoun && attributive().contains(word.lower) &&
      (in(words, i + 1, {Tag::kNoun, Tag::kAdjective}) ||
       (in(words, i + 1, {Tag::kVerb}) && in(words, i - 1, {Tag::kPreposition})))) {
    return Tag::kAdjective;
  }
  if (before_noun && in(words, i - 1, {Tag::kDeterminer}) && is_rather_adjective(word.lower)) {
    return Tag::kAdjective;
  }
  if (word.lower == "cut" && in(words, i - 1, {Tag::kBe})) return Tag::kParticiple;
  if (after_relative(words, i) && is_verb_form(word.lower)) return Tag::kVerb;
  // "boat tied to the dock", "cow being milked"; but "striped shirt".
  if (word.tag == Tag::kAdjective && is_past_participle(word.lower) && !before_noun &&
      in(words, i - 1, {Tag::kNoun, Tag::kBe, Tag::kRelative})) {
    return Tag::kParticiple;
  }
  if (word.lower == "facing") return Tag::kParticiple;
  if (word.lower == "near" || word.lower == "nearby") {
    return i + 1 < words.size() && !in(words, i + 1, {Tag::kPunctuation}) ? Tag::kPreposition
                                                                          : Tag::kPlace;
  }
  if (word.tag == Tag::kVerb && closed_words().find(word.lower) == closed_words().end()) {
    // "guy hold bat" has a verb, "teddy bear" and "play area" have none.
    const bool told = i > 0 && in(words, i - 1, {Tag::kRelative, Tag::kTo});
    const bool inflected = text::Lexicon::english().kinds(word.lower).empty();
    return told || (after_noun && (inflected || plain_actions().contains(word.lower))) ? Tag::kVerb
                                                                                       : Tag::kNoun;
  }
  return word.tag;
}

}  // namespace

std::vector<Word> tagged_words(std::string_view sentence) {
  std::vector<Word> words = split(text::plain_text(sentence));
  const auto& closed = closed_words();
  const auto& lexicon = text::Lexicon::english();
  for (Word& word : words) {
    if (word.tag != Tag::kNoun) continue;
    const auto found = closed.find(word.lower);
    word.tag = found != closed.end()   ? found->second
               : is_number(word.lower) ? Tag::kNoun
                                       : open_tag(word.lower);
  }
  for (std::size_t i = 0; i < words.size(); ++i) words[i].tag = tag_in_place(words, i);
  for (Word& word : words) {
    word.person =
        word.tag == Tag::kNoun && (people().contains(word.lower) || lexicon.is_person(word.lower));
  }
  return words;
}

}  // namespace pcnet::cues
