#include "pcnet/cues/quality.h"

#include <algorithm>
#include <set>
#include <string>

#include "pcnet/core/format.h"
#include "pcnet/cues/known_words.h"
#include "pcnet/cues/rules.h"

#include "words.h"

namespace pcnet::cues {

using core::cat;

namespace {

constexpr std::int64_t kTellEvery = 1000;  // sentences

using Texts = std::vector<std::string>;

/// A kind of note about the cues of one sentence.
struct Kind {
  const char* name;
  const char* advice;
  /// What is noteworthy; empty: nothing.
  std::string (*look)(const std::string& sentence, const Texts& cues);
};

/// Letters and digits in lower case, without articles: what a cue says.
std::string gist(const std::string& cue) {
  std::string gist;
  for (const Word& word : tagged_words(cue)) {
    if (word.tag == Tag::kPunctuation) continue;
    if (word.lower == "a" || word.lower == "an" || word.lower == "the") continue;
    gist += word.lower + " ";
  }
  return gist;
}

std::size_t count_words(const std::string& text) {
  const auto words = tagged_words(text);
  return static_cast<std::size_t>(std::count_if(
      words.begin(), words.end(), [](const Word& word) { return word.tag != Tag::kPunctuation; }));
}

std::string new_words(const std::string& sentence, const Texts& cues) {
  const KnownWords known(sentence);
  Texts found;
  for (const auto& cue : cues) {
    const auto words = known.new_in(cue);
    if (!words.empty()) found.push_back(cat("\"", cue, "\" says ", core::join(words, ", ")));
  }
  return found.empty() ? "" : cat(core::join(found, "; "), ": not in \"", sentence, "\"");
}

std::string same_twice(const std::string& /*sentence*/, const Texts& cues) {
  for (std::size_t i = 0; i < cues.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      if (gist(cues[i]) == gist(cues[k])) return cat("\"", cues[k], "\" and \"", cues[i], "\"");
    }
  }
  return {};
}

std::string too_long(const std::string& sentence, const Texts& cues) {
  const std::size_t longest = count_words(sentence);
  for (const auto& cue : cues) {
    if (count_words(cue) > longest) return cat("\"", cue, "\" of \"", sentence, "\"");
  }
  return {};
}

std::string not_taken_apart(const std::string& sentence, const Texts& cues) {
  const std::string whole = gist(sentence);
  const bool all_whole =
      std::all_of(cues.begin(), cues.end(), [&](const auto& cue) { return gist(cue) == whole; });
  if (!all_whole) return {};
  const auto parts = rule_cues(sentence);
  return parts.size() < 2 ? "" : cat("\"", sentence, "\" could be ", core::join(parts, " | "));
}

std::string without_target(const std::string& sentence, const Texts& cues) {
  const std::string target = target_word(sentence);
  if (target.empty() || KnownWords(core::join(cues, " ")).new_in(target).empty()) return {};
  return cat("no cue of \"", sentence, "\" says ", target);
}

constexpr std::array kKinds = {
    Kind{"cues with words that their sentence does not have",
         "a contradiction, or something made up: ask a better model, or take the rules", new_words},
    Kind{"two cues that say the same", "one of them teaches nothing", same_twice},
    Kind{"cue that is longer than its sentence", "cues are short phrases (Sec. 3.1)", too_long},
    Kind{"sentence that was not taken apart", "its stages all see the same cue", not_taken_apart},
    Kind{"cues that do not name the target", "they may lead to another object", without_target}};

Texts different(const Texts& cues) {
  Texts once;
  for (const auto& cue : cues) {
    if (std::find(once.begin(), once.end(), cue) == once.end()) once.push_back(cue);
  }
  return once;
}

void count_said(const std::string& sentence, const Texts& cues, Quality& quality) {
  const KnownWords said(core::join(cues, " "));
  const auto words = telling_words(sentence).size();
  quality.sentence_words += static_cast<std::int64_t>(words);
  quality.said_words += static_cast<std::int64_t>(words - said.new_in(sentence).size());
}

}  // namespace

Quality look_at_cues(const data::AuditParts& parts, double tolerance) {
  Quality quality;
  quality.findings = data::audit_cues(parts);
  std::array<data::Finding, kKinds.size()> notes;
  for (std::size_t k = 0; k < kKinds.size(); ++k) {
    notes[k] = {kKinds[k].name, /*is_fault=*/false, kKinds[k].advice, {}};
  }
  std::int64_t all = 0;
  for (const auto& reference : parts.index.references()) {
    all += static_cast<std::int64_t>(reference.sentences.size());
  }
  for (const auto& reference : parts.index.references()) {
    for (const auto& sentence : reference.sentences) {
      if (++quality.sentences % kTellEvery == 0 && parts.tell) {
        parts.tell("cues", quality.sentences, std::max(quality.sentences, all));
      }
      const Texts* found = parts.cues(sentence);
      if (found == nullptr || found->empty()) continue;
      const Texts cues = different(*found);
      ++quality.with_cues;
      ++quality.by_different[std::min(cues.size(), data::kCuesPerSentence) - 1];
      quality.cues += static_cast<std::int64_t>(cues.size());
      for (const auto& cue : cues) quality.words += static_cast<std::int64_t>(count_words(cue));
      count_said(sentence.text, cues, quality);
      const std::string where =
          cat("sent_id ", sentence.sent_id, " (ref_id ", reference.ref_id, ")");
      for (std::size_t k = 0; k < kKinds.size(); ++k) {
        std::string what = kKinds[k].look(sentence.text, cues);
        if (!what.empty()) notes[k].items.push_back({kKinds[k].name, where, std::move(what)});
      }
    }
  }
  for (auto& note : notes) {
    if (note.items.empty()) continue;
    note.is_fault =
        static_cast<double>(note.items.size()) > tolerance * static_cast<double>(quality.sentences);
    quality.findings.push_back(std::move(note));
  }
  std::stable_partition(quality.findings.begin(), quality.findings.end(),
                        [](const auto& finding) { return finding.is_fault; });
  return quality;
}

}  // namespace pcnet::cues
