#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include "pcnet/data/annotations/captions.h"
#include "pcnet/data/annotations/refer_index.h"
#include "pcnet/data/cues/cue_store.h"
#include "pcnet/data/pack/pack_key.h"
#include "pcnet/data/proposals/grid_store.h"
#include "pcnet/data/proposals/proposal_source.h"
#include "pcnet/image/rle.h"
#include "pcnet/text/tokenizer.h"

namespace pcnet::data {

/// A whole dataset in one mapped file, made by write_pack: pictures at the training size, tokens,
/// cues, captions, proposals and ground truth. Nothing but its index is read when it is opened.
/// Safe to use from several threads. Errors name the file and say that it is damaged.
class Pack {
 public:
  /// Error for a file that is no pack, an unfinished or cut one, or one of another version.
  explicit Pack(const std::filesystem::path& path);
  /// The same for bytes that live as long as `owner`; `path` names them in errors.
  Pack(std::shared_ptr<const void> owner, std::string_view bytes, std::filesystem::path path);
  ~Pack();
  Pack(const Pack&) = delete;
  Pack& operator=(const Pack&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::uint64_t bytes() const { return bytes_.size(); }
  const PackKey& key() const { return key_; }
  /// CRC-32 of the header, which holds those of all sections: other contents, another checksum.
  std::uint32_t checksum() const;
  /// The annotations of the packed pictures; valid as long as the pack.
  const ReferIndex& index() const { return *index_; }

  /// False when the picture could not be read when the pack was made.
  bool has_picture(std::int64_t image_id) const;
  /// [3, S, S] uint8, channels-last, in the file itself: not to be written to; none when there is
  /// no picture. Its checksum is compared the first time.
  std::optional<at::Tensor> picture(std::int64_t image_id) const;

  bool has_cues() const;
  CuesBySentence cues() const;
  bool has_captions() const;
  Captions captions() const;
  bool has_proposals() const { return key_.sources.contains("proposals"); }
  bool has_proposals_of(std::int64_t image_id) const;
  std::vector<image::Rle> proposals_of(std::int64_t image_id) const;
  /// [P, h, w] uint8 with the key's grid; all zero for a picture without proposals.
  at::Tensor grid_of(std::int64_t image_id) const;

  /// Distinct texts: sentences, cues and captions.
  std::int64_t texts() const;
  /// A text's tokens of the key's length; none for a text that is not in the pack.
  std::optional<text::Tokens> tokens_of(std::string_view text) const;

  /// Reads all that is kept of a picture. Error for what is damaged.
  void verify(std::int64_t image_id) const;
  /// True when the picture's file in `folder` is of the size and time that it had when packed.
  bool is_fresh(std::int64_t image_id, const std::filesystem::path& folder) const;

 private:
  struct Contents;
  void open();
  [[noreturn]] void fail(const std::string& what) const;
  /// What `read` gives; its faults become those of the pack, named with where they were found.
  template <class Read>
  auto guarded(const std::string& where, Read read) const;

  std::filesystem::path path_;
  std::shared_ptr<const void> owner_;
  std::string_view bytes_;
  PackKey key_;
  std::unique_ptr<ReferIndex> index_;
  std::unique_ptr<Contents> contents_;
};

/// A pack, which must outlive them, as a source of proposals, filtered when it was made.
std::unique_ptr<const ProposalSource> packed_proposals(const Pack& pack);
/// The pack's grids; empty for grids by nearest neighbour, which packs do not hold. Error when they
/// are others than the options say.
FindGrid packed_grids(const Pack& pack, const GridStore::Options& options);

/// True for a file that begins as a pack, whole or not.
bool is_pack(const std::filesystem::path& path);

/// A tokenizer that takes the tokens of packed texts from their pack.
class PackedTokenizer : public text::Tokenizer {
 public:
  /// Error, with the reason, when the pack's tokens are of another vocabulary.
  PackedTokenizer(std::unique_ptr<const text::Tokenizer> tokenizer, const Pack& pack);

  text::Tokens encode(std::string_view text, std::int64_t length,
                      text::Truncate truncate = text::Truncate::kKeepEnd) const override;
  std::string decode(std::span<const std::int64_t> ids) const override {
    return tokenizer_->decode(ids);
  }
  std::int64_t vocabulary_size() const override { return tokenizer_->vocabulary_size(); }
  std::int64_t start_token() const override { return tokenizer_->start_token(); }
  std::int64_t end_token() const override { return tokenizer_->end_token(); }
  const std::vector<std::string>& words() const override { return tokenizer_->words(); }

 private:
  std::unique_ptr<const text::Tokenizer> tokenizer_;
  const Pack& pack_;
};

}  // namespace pcnet::data
