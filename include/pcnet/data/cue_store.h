#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pcnet::data {

using CuesBySentence = std::unordered_map<std::int64_t, std::vector<std::string>>;

/// Target-related cues by sent_id, read whole. Two sources, told apart by the path:
/// - a file of JSON lines {"sent_id", "cues": [...]},
/// - a folder of the official `<ref_id>.json` = {"<sent_id>": [at least 5 strings]}. Sentences are
///   matched by sent_id, so that partitions with other ref_ids than the folder's can use it.
class CueStore {
 public:
  /// Error, with file and line, for what breaks its format and for a sent_id that comes twice.
  explicit CueStore(std::filesystem::path source);

  /// The cues of a sentence; null when there are none (an empty list counts as none).
  const std::vector<std::string>* find(std::int64_t sent_id) const;
  /// Sentences that have cues.
  std::size_t size() const { return cues_.size(); }
  const std::filesystem::path& source() const { return source_; }

 private:
  std::filesystem::path source_;
  CuesBySentence cues_;
};

/// Cues from the text of a JSON-lines file; `name` names it in errors.
CuesBySentence parse_cue_lines(std::string_view text, std::string_view name);
/// Cues from the text of one official `<ref_id>.json`.
CuesBySentence parse_cue_document(std::string_view text, std::string_view name);

}  // namespace pcnet::data
