#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pcnet::weights {

/// A file inside a zip archive.
struct ZipMember {
  std::string name;
  std::uint64_t begin = 0;   ///< where its bytes start in the archive
  std::uint64_t stored = 0;  ///< bytes in the archive
  std::uint64_t size = 0;    ///< bytes when unpacked
  bool deflated = false;
};

/// The members of a zip archive in memory. Every number is checked against the archive's size:
/// members outside of it or over one another, two of one name, local headers that contradict the
/// directory, encryption and archives in several parts are Errors that name the member.
class ZipReader {
 public:
  /// @param name names the file in errors
  ZipReader(std::string_view bytes, std::string_view name);

  const std::vector<ZipMember>& members() const { return members_; }
  /// The member of that name, or null.
  const ZipMember* find(const std::string& name) const;
  /// A member's bytes, unpacked. Error when it unpacks to another size than the directory says, or
  /// to far more than it takes in the archive.
  std::string read(const ZipMember& member) const;

 private:
  struct Directory {
    std::uint64_t begin = 0;
    std::uint64_t size = 0;
    std::uint64_t count = 0;
    std::uint64_t end = 0;  ///< where the records behind it start
  };
  [[noreturn]] void fail(const std::string& what) const;
  std::uint64_t number(std::uint64_t at, int bytes) const;
  Directory find_directory() const;
  Directory wide_directory(std::uint64_t locator) const;
  void check_directory(const Directory& directory) const;
  /// Reads the entry at `at` and moves it behind it.
  ZipMember read_entry(std::uint64_t& at, const Directory& directory);
  void read_wide_fields(ZipMember& member, std::uint64_t& header, std::uint64_t at,
                        std::uint64_t length) const;
  void check_local(ZipMember& member, std::uint64_t header, std::uint64_t flags,
                   const Directory& directory) const;
  void check_overlap() const;

  std::string_view bytes_;
  std::string_view name_;
  std::vector<ZipMember> members_;
  std::vector<std::uint64_t> headers_;  ///< of the members, their local headers' places
  std::unordered_map<std::string, std::size_t> index_;
};

}  // namespace pcnet::weights
