#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "pcnet/synth/expressions.h"
#include "pcnet/synth/scene.h"

namespace pcnet::synth::reader {

// Reads the long language and says what is true of which object. It knows the grammar and the
// words, not how sentences are made.

/// A noun and the adjectives that are said of it, in the words of the short language.
struct NounPhrase {
  bool definite = false;
  std::string noun;
  std::set<std::string> adjectives;

  bool fits(const Object& object) const {
    const Attributes& a = object.attributes;
    const std::set<std::string> own = {kColourWords[static_cast<std::size_t>(a.colour)],
                                       kPatternWords[static_cast<std::size_t>(a.pattern)],
                                       kSizeWords[static_cast<std::size_t>(a.size)]};
    return kShapeWords[static_cast<std::size_t>(a.shape)] == noun &&
           std::includes(own.begin(), own.end(), adjectives.begin(), adjectives.end());
  }
};

/// "left of the red star", or without a landmark a half of the picture.
struct Clause {
  char side = ' ';  // l, r, a (above), b (below)
  std::optional<NounPhrase> landmark;
};

struct Statement {
  NounPhrase target;
  std::vector<Clause> clauses;
};

inline bool is_noun(const std::string& word) {
  return std::find(kShapeWords.begin(), kShapeWords.end(), word) != kShapeWords.end();
}

class Reader {
 public:
  explicit Reader(const std::string& text) : words_(split_words(text)) {}

  Statement read() {
    Statement statement;
    statement.target = noun_phrase();
    while (at_ < words_.size()) say_more(statement);
    return statement;
  }

 private:
  bool take(const std::string& phrase) {
    const auto wanted = split_words(phrase);
    if (words_.size() - at_ < wanted.size()) return false;
    if (!std::equal(wanted.begin(), wanted.end(), words_.begin() + static_cast<long>(at_))) {
      return false;
    }
    at_ += wanted.size();
    return true;
  }

  std::string adjective() {
    static const std::set<std::string> known = {"red",    "green",  "blue",  "yellow",
                                                "purple", "cyan",   "solid", "striped",
                                                "dotted", "hollow", "small", "large"};
    std::string word = words_.at(at_++);
    if (word == "little") word = "small";
    if (word == "big") word = "large";
    if (!known.contains(word)) throw std::runtime_error("no adjective: " + word);
    return word;
  }

  bool take_pattern(NounPhrase& phrase) {
    if (take("with stripes")) return phrase.adjectives.insert("striped").second;
    return take("with dots") && phrase.adjectives.insert("dotted").second;
  }

  NounPhrase noun_phrase() {
    NounPhrase phrase;
    phrase.definite = take("the");
    if (!phrase.definite && !take("a")) throw std::runtime_error("no article");
    while (!is_noun(words_.at(at_))) phrase.adjectives.insert(adjective());
    phrase.noun = words_.at(at_++);
    take_pattern(phrase);
    return phrase;
  }

  char take_any(const std::map<char, std::vector<std::string>>& phrases) {
    for (const auto& [side, all] : phrases) {
      for (const auto& phrase : all) {
        if (take(phrase)) return side;
      }
    }
    return ' ';
  }

  void say_more(Statement& statement) {
    static const std::map<char, std::vector<std::string>> relations = {
        {'l', {"to the left of", "left of", "on the left side of", "on the left of"}},
        {'r', {"to the right of", "right of", "on the right side of", "on the right of"}},
        {'a', {"above", "over", "higher than"}},
        {'b', {"below", "under", "underneath", "lower than"}}};
    static const std::map<char, std::vector<std::string>> halves = {
        {'l', {"on the left side", "on the left", "in the left half"}},
        {'r', {"on the right side", "on the right", "in the right half"}},
        {'a', {"at the top", "near the top", "in the upper half"}},
        {'b', {"at the bottom", "near the bottom", "in the lower half"}}};
    take("and");
    bool linked = false;
    for (const char* link : {"that is", "which is", "that lies", "which lies"}) {
      linked = linked || take(link);
    }
    if (const char side = take_any(relations); side != ' ') {
      statement.clauses.push_back({side, noun_phrase()});
    } else if (const char half = take_any(halves); half != ' ') {
      statement.clauses.push_back({half, std::nullopt});
    } else if (linked) {
      statement.target.adjectives.insert(adjective());
    } else {
      throw std::runtime_error("cannot read on at: " + words_.at(at_));
    }
  }

  std::vector<std::string> words_;
  std::size_t at_ = 0;
};

inline Statement read(const std::string& text) { return Reader(text).read(); }

/// How far `a` lies on that side of the point.
inline double lead(char side, const Object& a, double x, double y) {
  return side == 'l' ? x - a.x : side == 'r' ? a.x - x : side == 'a' ? y - a.y : a.y - y;
}

/// True, false, or nothing where it is not clear: within 6 px of the middle, 8 of the landmark.
inline std::optional<bool> holds(const Scene& scene, const Object& object, const Clause& clause) {
  const auto judged = [](double lead, double margin) -> std::optional<bool> {
    if (lead >= margin) return true;
    if (lead <= -margin) return false;
    return std::nullopt;
  };
  const double middle = scene.side / 2.0;
  if (!clause.landmark) return judged(lead(clause.side, object, middle, middle), 6.0);
  bool unclear = false;
  for (const Object& other : scene.objects) {
    if (&other == &object || !clause.landmark->fits(other)) continue;
    const auto one = judged(lead(clause.side, object, other.x, other.y), 8.0);
    if (one == true) return true;
    unclear = unclear || !one;
  }
  if (unclear) return std::nullopt;
  return false;
}

/// Each fact of the statement beside the noun, as whether it clearly does not hold for an object.
inline std::vector<bool> denied(const Scene& scene, const Object& object,
                                const Statement& statement) {
  std::vector<bool> all;
  for (const auto& adjective : statement.target.adjectives) {
    all.push_back(!NounPhrase{true, statement.target.noun, {adjective}}.fits(object));
  }
  for (const Clause& clause : statement.clauses) {
    all.push_back(holds(scene, object, clause) == false);
  }
  return all;
}

/// The objects of which the statement is not clearly false.
inline std::vector<const Object*> referents(const Scene& scene, const Statement& statement) {
  std::vector<const Object*> found;
  for (const Object& object : scene.objects) {
    if (!NounPhrase{true, statement.target.noun, {}}.fits(object)) continue;
    const auto out = denied(scene, object, statement);
    if (std::find(out.begin(), out.end(), true) == out.end()) found.push_back(&object);
  }
  return found;
}

/// Every fact clearly holds for the object.
inline bool clearly_true(const Scene& scene, const Object& object, const Statement& statement) {
  return statement.target.fits(object) &&
         std::all_of(statement.clauses.begin(), statement.clauses.end(),
                     [&](const Clause& clause) { return holds(scene, object, clause) == true; });
}

/// Combinations held out from training, as the documentation lists them.
inline bool names_held_out(const NounPhrase& phrase) {
  static const std::set<std::pair<std::string, std::string>> all = {
      {"green", "circle"},    {"blue", "square"},   {"yellow", "triangle"},
      {"purple", "cross"},    {"cyan", "star"},     {"hollow", "square"},
      {"dotted", "triangle"}, {"striped", "cross"}, {"solid", "star"}};
  return std::any_of(phrase.adjectives.begin(), phrase.adjectives.end(), [&](const auto& word) {
    return all.contains({word, phrase.noun});
  });
}

inline bool names_held_out(const Statement& statement) {
  if (names_held_out(statement.target)) return true;
  return std::any_of(statement.clauses.begin(), statement.clauses.end(), [](const Clause& clause) {
    if (!clause.landmark) return false;
    const bool across = clause.side == 'l' || clause.side == 'r';
    return names_held_out(*clause.landmark) ||
           clause.landmark->noun == (across ? "triangle" : "circle");
  });
}

}  // namespace pcnet::synth::reader
