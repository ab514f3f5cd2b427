#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace pcnet::data {

/// Which proposals of a dataset are used: what scores of them belong to.
struct ProposalKey {
  std::string digest;                         ///< of their file or folder (digest_text)
  std::map<std::string, std::string> filter;  ///< data.proposal_filter, key by key

  bool operator==(const ProposalKey&) const = default;
};

/// CLIP's scores of the proposals of each sentence's image, by sent_id, read whole
/// (docs/formats.md#clip-scores).
class ClipScores {
 public:
  /// Error, with file and line, for what breaks the format and for a sent_id that comes twice.
  explicit ClipScores(const std::filesystem::path& path);
  /// The same of a text that `name` names in errors.
  ClipScores(std::string_view text, std::string_view name);

  /// The scores in the proposals' order, minus infinity for one without a pixel; null where there
  /// are none. Error when those are of another sentence.
  const std::vector<float>* find(std::int64_t sent_id, const std::string& sentence) const;
  std::size_t size() const { return entries_.size(); }
  const ProposalKey& proposals() const { return proposals_; }
  /// What names the file in errors.
  const std::string& source() const { return source_; }
  /// Of the file.
  const std::string& digest() const { return digest_; }

 private:
  struct Entry {
    std::uint32_t sentence;  // its checksum
    std::vector<float> scores;
  };
  void read_head(const nlohmann::json& head);
  void read_line(const nlohmann::json& line);

  std::string source_;
  std::string digest_;
  ProposalKey proposals_;
  std::unordered_map<std::int64_t, Entry> entries_;
};

/// The first line of such a file, without its end. @param settings what else the scores depend on
std::string clip_scores_head(const ProposalKey& proposals, const nlohmann::ordered_json& settings);
/// A line, without its end; scores to six decimals.
std::string clip_scores_line(std::int64_t sent_id, const std::string& sentence,
                             const std::vector<float>& scores);

}  // namespace pcnet::data
