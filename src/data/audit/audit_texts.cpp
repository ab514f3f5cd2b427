#include <algorithm>
#include <map>
#include <set>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"

#include "audit_parts.h"

namespace pcnet::data {

using core::cat;

namespace {

constexpr std::size_t kSomeIds = 5;

/// "1, 2, 3, 4, 5 and 7 more".
std::string some_of(const std::set<std::int64_t>& ids) {
  std::vector<std::string> words;
  for (const auto id : ids) {
    if (words.size() == kSomeIds) break;
    words.push_back(std::to_string(id));
  }
  const std::string listed = core::join(words, ", ");
  return ids.size() <= kSomeIds ? listed : cat(listed, " and ", ids.size() - kSomeIds, " more");
}

std::string where_is(const Reference& reference, const Sentence& sentence) {
  return cat("sent_id ", sentence.sent_id, " (ref_id ", reference.ref_id, ")");
}

std::string how_long(const text::Tokens& tokens, const std::string& text, std::int64_t room) {
  return cat(tokens.words + 2, " tokens with start and end, there is room for ", room, ": \"", text,
             "\"");
}

void audit_sentence(const AuditParts& parts, const Reference& reference, const Sentence& sentence,
                    Found& found) {
  const auto tokens = parts.tokenizer.encode(sentence.text, parts.text_length);
  const std::string where = where_is(reference, sentence);
  if (tokens.words == 0) {
    found.faults.add({"sentence without tokens", where,
                      tokens.unknown_words.empty()
                          ? cat("the text is \"", sentence.text, "\"")
                          : cat("no word of \"", sentence.text, "\" is in the vocabulary")});
    return;
  }
  if (!tokens.unknown_words.empty()) {
    found.notes.add({"sentence with words that training does not know", where,
                     core::join(tokens.unknown_words, ", ")});
  }
  if (tokens.cut > 0) {
    found.notes.add(
        {"sentence that will be cut", where, how_long(tokens, sentence.text, parts.text_length)});
  }
}

/// "ref_id 4" and the split of everything that refers to a picture.
using Splits = std::map<std::string, std::set<std::int64_t>>;

std::string splits_text(const Splits& splits) {
  std::vector<std::string> words;
  for (const auto& [split, refs] : splits) words.push_back(cat(split, ": ref_id ", some_of(refs)));
  return core::join(words, "; ");
}

void audit_cues_of(const AuditParts& parts, const Reference& reference, const Sentence& sentence,
                   Found& found) {
  const std::string where = where_is(reference, sentence);
  const std::vector<std::string>* cues = parts.cues(sentence);
  if (cues == nullptr || cues->empty()) {
    found.faults.add({"sentence without cues", where,
                      cat("none of \"", sentence.text, "\" in ", parts.files.cues.string())});
    return;
  }
  for (const auto& cue : *cues) {
    const auto tokens = parts.tokenizer.encode(cue, parts.text_length);
    if (tokens.words == 0) {
      found.faults.add({"cue without tokens", where, cat("a cue is \"", cue, "\"")});
    } else if (tokens.cut > 0) {
      found.notes.add({"cue that will be cut", where, how_long(tokens, cue, parts.text_length)});
    }
  }
}

std::optional<Fault> look_at_proposals(const AuditParts& parts, std::int64_t image_id) {
  const std::string where = cat("image_id ", image_id);
  try {
    const auto masks = parts.proposals(image_id);
    if (masks != nullptr && !masks->empty()) return std::nullopt;
    return Fault{"image without proposals", where,
                 cat(masks == nullptr ? "no entry" : "none is left of its entry", " in ",
                     parts.files.proposals.string())};
  } catch (const core::Error& error) {
    return Fault{"damaged proposals", where, error.what()};
  }
}

}  // namespace

void audit_texts(const AuditParts& parts, Found& found) {
  for (const auto& reference : parts.index.references()) {
    if (reference.sentences.empty()) {
      found.faults.add({"reference without sentences", cat("ref_id ", reference.ref_id),
                        cat("its list of sentences is empty (split ", reference.split, ")")});
    }
    for (const auto& sentence : reference.sentences) {
      audit_sentence(parts, reference, sentence, found);
    }
  }
}

void audit_leaks(const AuditParts& parts, Found& found) {
  std::map<std::int64_t, Splits> by_image;
  for (const auto& reference : parts.index.references()) {
    by_image[reference.image_id][reference.split].insert(reference.ref_id);
  }
  for (const auto& [image_id, splits] : by_image) {
    if (splits.size() < 2 || !splits.contains("train")) continue;
    found.faults.add({"image in train and in an evaluation split", cat("image_id ", image_id),
                      splits_text(splits)});
  }
}

void audit_cues(const AuditParts& parts, Found& found) {
  if (!parts.cues) return;
  for (const auto& reference : parts.index.references()) {
    for (const auto& sentence : reference.sentences)
      audit_cues_of(parts, reference, sentence, found);
  }
}

void audit_proposals(const AuditParts& parts, Found& found) {
  if (!parts.proposals) return;
  std::set<std::int64_t> referred;
  for (const auto& reference : parts.index.references()) referred.insert(reference.image_id);
  const std::vector<std::int64_t> ids(referred.begin(), referred.end());
  look_at_each(
      parts, "proposals", ids.size(),
      [&](std::size_t i) { return look_at_proposals(parts, ids[i]); }, found.faults);
}

}  // namespace pcnet::data
