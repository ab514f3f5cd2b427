#include "pcnet/data/sources/coverage.h"

#include <unordered_set>

#include "pcnet/core/format.h"

namespace pcnet::data {

namespace {

constexpr std::size_t kExamples = 5;

void count(Coverage& coverage, std::int64_t id, bool there) {
  ++coverage.wanted;
  if (there) return;
  ++coverage.missing;
  if (coverage.examples.size() < kExamples) coverage.examples.push_back(id);
}

std::string text_of(const Coverage& coverage, const std::string& things, const std::string& what,
                    const std::filesystem::path& source, const char* id_name) {
  std::vector<std::string> examples;
  for (const auto id : coverage.examples) examples.push_back(std::to_string(id));
  const std::string listed =
      examples.empty() ? "" : core::cat(", e.g. ", id_name, " ", core::join(examples, ", "));
  return core::cat(coverage.missing, " of ", coverage.wanted, " ", things, " have no ", what,
                   " in ", source.string(), listed);
}

}  // namespace

Coverage cue_coverage(const ReferIndex& index, const std::string& split, const CueStore& cues) {
  Coverage coverage;
  for (const auto position : index.split(split)) {
    for (const auto& sentence : index.references()[position].sentences) {
      count(coverage, sentence.sent_id, cues.find(sentence.sent_id) != nullptr);
    }
  }
  return coverage;
}

Coverage proposal_coverage(const ReferIndex& index, const std::string& split,
                           const ProposalStore& proposals) {
  Coverage coverage;
  std::unordered_set<std::int64_t> seen;
  for (const auto position : index.split(split)) {
    const std::int64_t image_id = index.references()[position].image_id;
    if (seen.insert(image_id).second) count(coverage, image_id, proposals.has(image_id));
  }
  return coverage;
}

std::string describe(const Coverage& coverage, const std::string& split, const CueStore& cues) {
  return text_of(coverage, "sentences of " + split, "cues", cues.source(), "sent_id");
}

std::string describe(const Coverage& coverage, const std::string& split,
                     const ProposalStore& proposals) {
  return text_of(coverage, "images of " + split, "proposals", proposals.source(), "image_id");
}

}  // namespace pcnet::data
