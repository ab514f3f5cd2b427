#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "pcnet/core/partial_file.h"

#include "pack_format.h"

namespace pcnet::data {

/// Writes a pack: first the pictures, in any order and from several threads, then the sections
/// behind them, one after the other. What a stopped run wrote of the same key is taken over.
class PackWriter {
 public:
  /// @param key the same bytes for the same pack; @param picture_bytes of each picture
  PackWriter(const std::filesystem::path& path, std::string_view key, std::int64_t pictures,
             std::int64_t picture_bytes);

  /// Pictures that an earlier run says it wrote.
  std::int64_t left_over() const { return left_over_; }
  /// True when an earlier run left an unfinished pack that is another one.
  bool began_anew() const { return began_anew_; }
  /// True when an earlier run wrote this picture from that file and its bytes are all there.
  bool holds(std::int64_t picture, const FileStamp& file) const;
  void put(std::int64_t picture, const FileStamp& file, std::string_view bytes);
  void mark_unreadable(std::int64_t picture, const FileStamp& file);

  void begin(Section section);
  void append(std::string_view bytes);
  void add(Section section, std::string_view bytes) {
    begin(section);
    append(bytes);
  }
  /// Bytes so far.
  std::uint64_t bytes() const { return end_; }
  void commit();

 private:
  bool take_over(std::string_view key);
  void begin_anew(std::string_view key);
  void lay_out(std::string_view key, std::int64_t pictures, std::int64_t picture_bytes);
  void write_header(std::string_view magic);
  std::uint64_t place_of(std::int64_t picture) const;
  void set_check(std::int64_t picture, PictureCheck check);

  core::PartialFile file_;
  PackHeader header_;
  std::vector<PictureCheck> checks_;
  std::int64_t left_over_ = 0;
  bool began_anew_ = false;
  Section section_ = Section::kPictures;
  std::uint64_t end_ = 0;
};

}  // namespace pcnet::data
