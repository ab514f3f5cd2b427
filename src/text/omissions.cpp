#include "pcnet/text/omissions.h"

#include <algorithm>
#include <utility>

#include "pcnet/core/format.h"
#include "pcnet/core/log.h"

namespace pcnet::text {

using core::cat;

namespace {

/// "the, a, red, ...": the most frequent first.
std::string some_of(const std::map<std::string, std::int64_t>& words) {
  constexpr std::size_t kNamed = 10;
  std::vector<std::pair<std::int64_t, std::string>> sorted;
  for (const auto& [word, count] : words) sorted.emplace_back(-count, word);
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::string> named;
  for (std::size_t i = 0; i < std::min(kNamed, sorted.size()); ++i) {
    named.push_back(std::move(sorted[i].second));
  }
  return cat(core::join(named, ", "), sorted.size() > kNamed ? ", ..." : "");
}

}  // namespace

void Omissions::add(const Tokens& tokens) {
  ++texts;
  if (tokens.cut > 0) ++cut;
  if (tokens.unknown_words.empty()) return;
  ++texts_with_unknown;
  unknown += static_cast<std::int64_t>(tokens.unknown_words.size());
  for (const auto& word : tokens.unknown_words) ++words[word];
}

std::vector<std::string> describe(const Omissions& omissions, std::string_view kind,
                                  std::int64_t text_length) {
  std::vector<std::string> lines;
  if (omissions.unknown > 0) {
    const bool one = omissions.unknown == 1;
    lines.push_back(cat(omissions.unknown, one ? " word of " : " words of ",
                        omissions.texts_with_unknown, " of ", omissions.texts, " ", kind,
                        one ? " is not" : " are not", " in the vocabulary and ",
                        one ? "was" : "were", " left out (", omissions.words.size(),
                        " different: ", some_of(omissions.words), ")"));
  }
  if (omissions.cut > 0) {
    lines.push_back(cat(omissions.cut, " of ", omissions.texts, " ", kind, " are longer than ",
                        text_length, " tokens and were cut (data.text_length)"));
  }
  return lines;
}

void report(const Omissions& omissions, std::string_view kind, std::int64_t text_length) {
  for (const auto& line : describe(omissions, kind, text_length)) core::log::warning(line);
}

}  // namespace pcnet::text
