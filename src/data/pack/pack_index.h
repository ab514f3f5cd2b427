#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "pcnet/text/omissions.h"
#include "pcnet/text/tokenizer.h"

#include "data/annotations/refer_parts.h"
#include "pack_stream.h"

namespace pcnet::data {

/// What the index says of a picture beside its record.
struct PackedPicture {
  bool has_proposals = false;
  std::uint64_t proposals_at = 0;  ///< in the section of proposals
  std::uint64_t proposal_bytes = 0;
  std::uint32_t proposal_checksum = 0;
};

/// The texts of a pack that is being written: equal ones share a row.
class TextTable {
 public:
  std::uint64_t row_of(const std::string& text);
  /// The section of texts: each with its tokens, none for a text that a closed vocabulary does not
  /// know whole.
  std::string encode(const text::Tokenizer& tokenizer, std::int64_t length, text::Truncate truncate,
                     text::Omissions& omissions) const;
  std::size_t rows() const { return texts_.size(); }

 private:
  std::vector<const std::string*> texts_;
  std::unordered_map<std::string, std::uint64_t> rows_;
};

/// A text of a pack and where its tokens are written.
struct PackedText {
  std::string_view text;
  std::string_view tokens;  ///< empty: not tokenised
};
std::vector<PackedText> decode_texts(std::string_view section);
/// The tokens of a text, padded to `length`.
text::Tokens decode_tokens(const PackedText& text, std::int64_t length);

/// Lengths of an object's COCO strings in the section of masks; 0: none.
struct MaskLengths {
  std::uint64_t whole = 0;      ///< by GroundTruth::kUnion
  std::uint64_t exclusive = 0;  ///< by GroundTruth::kExclusive; 0: the same
};

/// The section of the index. `masks` are those of the annotations, in their order; `pictures`
/// belong to the images.
std::string encode_index(const ReferParts& parts, std::span<const PackedPicture> pictures,
                         std::span<const MaskLengths> masks, TextTable& texts);
/// The same read back, with the annotations' masks as views into their section.
struct PackedIndex {
  ReferParts parts;
  std::vector<PackedPicture> pictures;
};
PackedIndex decode_index(std::string_view section, std::span<const PackedText> texts,
                         std::string_view masks);

/// Lists of texts by id: the sections of cues and captions.
using RowsById = std::vector<std::pair<std::int64_t, std::vector<std::uint64_t>>>;
std::string encode_rows(const RowsById& lists);
std::unordered_map<std::int64_t, std::vector<std::string>> decode_rows(
    std::string_view section, std::span<const PackedText> texts);

}  // namespace pcnet::data
