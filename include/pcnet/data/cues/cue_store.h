#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pcnet::data {

/// How many cues the paper gives a sentence (K, Sec. 3.1).
inline constexpr std::size_t kCuesPerSentence = 5;

using CuesBySentence = std::unordered_map<std::int64_t, std::vector<std::string>>;
/// The texts that cues were made of, by sent_id.
using TextsBySentence = std::unordered_map<std::int64_t, std::string>;

/// Target-related cues by sent_id, read whole. Two sources, told apart by the path:
/// - a file of JSON lines {"sent_id", "cues": [...], "sentence"}, the last as far as it is known,
/// - a folder of the official `<ref_id>.json` = {"<sent_id>": [at least 5 strings]}. Sentences are
///   matched by sent_id, so that partitions with other ref_ids than the folder's can use it.
class CueStore {
 public:
  /// Error, with file and line, for what breaks its format and for a sent_id that comes twice.
  explicit CueStore(const std::filesystem::path& source);
  /// Cues that are in memory already; `source` names where they came from.
  CueStore(CuesBySentence cues, std::filesystem::path source);

  /// The cues of a sentence; null when there are none (an empty list counts as none).
  const std::vector<std::string>* find(std::int64_t sent_id) const;
  /// The sentences that have cues, in ascending order.
  std::vector<std::int64_t> sent_ids() const;
  /// How many they are.
  std::size_t size() const { return cues_.size(); }
  const std::filesystem::path& source() const { return source_; }
  /// CRC-32 of the file when it was read; none for a folder.
  std::optional<std::uint32_t> checksum() const { return checksum_; }
  /// The texts that these cues were made of; none where the source does not say them.
  const TextsBySentence& texts() const { return texts_; }

 private:
  void forget_empty();

  std::filesystem::path source_;
  std::optional<std::uint32_t> checksum_;
  TextsBySentence texts_;
  CuesBySentence cues_;
};

/// Cues from the text of a JSON-lines file; `name` names it in errors. The sentences that the lines
/// say they are of are added to `texts`.
CuesBySentence parse_cue_lines(std::string_view text, std::string_view name,
                               TextsBySentence* texts = nullptr);
/// Cues from the text of one official `<ref_id>.json`.
CuesBySentence parse_cue_document(std::string_view text, std::string_view name);

/// A line of a JSON-lines file, without its end. `sentence` is the text that the cues are of: by it
/// cues of another dataset are known; empty: not said.
std::string cue_line(std::int64_t sent_id, const std::vector<std::string>& cues,
                     const std::string& sentence = {});

/// The cues in turn until there are `count`: where a sentence has fewer, the paper repeats them.
std::vector<std::string> repeated_cues(const std::vector<std::string>& cues,
                                       std::size_t count = kCuesPerSentence);

}  // namespace pcnet::data
