#include "pcnet/text/lexicon.h"

#include <array>

#include "embedded.h"

namespace pcnet::text {

namespace {

constexpr char kPerson = 'p';
constexpr std::string_view kVowels = "aeiou";

}  // namespace

const Lexicon& Lexicon::english() {
  static const Lexicon lexicon(embedded_lexicon());
  return lexicon;
}

Lexicon::Lexicon(std::string_view lines) {
  kinds_.reserve(lines.size() / 10);
  auto* part = &kinds_;
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
    if (line.empty()) part = &verbs_;  // the second part
    const std::size_t space = line.find(' ');
    if (space != std::string_view::npos) {
      part->emplace(line.substr(0, space), line.substr(space + 1));
    }
  }
}

std::string_view Lexicon::kinds(std::string_view word) const {
  const auto found = kinds_.find(word);
  if (found == kinds_.end()) return {};
  std::string_view letters = found->second;
  if (letters.back() == kPerson) letters.remove_suffix(1);
  return letters;
}

bool Lexicon::is_person(std::string_view word) const {
  const auto says = [&](std::string_view singular) {
    const auto found = kinds_.find(singular);
    return found != kinds_.end() && found->second.back() == kPerson;
  };
  if (says(word)) return true;
  if (word.ends_with("men")) {
    return says(std::string(word.substr(0, word.size() - 2)) + "an");
  }
  return (word.ends_with("s") && says(word.substr(0, word.size() - 1))) ||
         (word.ends_with("ies") && says(std::string(word.substr(0, word.size() - 3)) + "y"));
}

std::string_view Lexicon::listed(const std::string& word, char kind) const {
  const auto found = kinds_.find(word);
  if (found == kinds_.end() || found->second.find(kind) == std::string_view::npos) return {};
  return found->first;
}

std::string_view Lexicon::stem(std::string_view form, std::string_view ending, char kind) const {
  if (!form.ends_with(ending) || form.size() < ending.size() + 2) return {};
  const std::string rest(form.substr(0, form.size() - ending.size()));
  const char last = rest.back();
  const bool doubled = rest.size() > 2 && last == rest[rest.size() - 2] &&
                       kVowels.find(last) == std::string_view::npos;
  const auto vowel = [&](std::size_t from_end) {
    return rest.size() > from_end &&
           kVowels.find(rest[rest.size() - 1 - from_end]) != std::string_view::npos;
  };
  // "sitting" is of sit, "riding" of ride and not of rid, "carried" of carry; "falling" of fall.
  if (!vowel(0) && vowel(1) && !vowel(2)) {
    if (const auto word = listed(rest + "e", kind); !word.empty()) return word;
  }
  if (const auto word = listed(rest, kind); !word.empty()) return word;
  if (doubled) {
    if (const auto word = listed(rest.substr(0, rest.size() - 1), kind); !word.empty()) return word;
  }
  if (const auto word = listed(rest + "e", kind); !word.empty()) return word;
  if (last == 'i') return listed(rest.substr(0, rest.size() - 1) + "y", kind);
  if (last == 'y' && ending == "ing") return listed(rest.substr(0, rest.size() - 1) + "ie", kind);
  return {};
}

std::string_view Lexicon::verb_of(std::string_view form) const {
  if (const auto found = verbs_.find(form); found != verbs_.end()) return found->second;
  for (const std::string_view ending : {"ing", "ed", "es", "s"}) {
    if (const auto word = stem(form, ending, 'v'); !word.empty()) return word;
  }
  return {};
}

std::string_view Lexicon::adjective_of(std::string_view form) const {
  for (const std::string_view ending : {"est", "er"}) {
    if (const auto word = stem(form, ending, 'a'); !word.empty()) return word;
  }
  return {};
}

}  // namespace pcnet::text
