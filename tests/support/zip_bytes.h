#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pcnet::support {

/// A member of a zip archive built by hand. What is set beyond name and data makes it faulty.
struct ZipItem {
  std::string name;
  std::string data;          ///< as it stands in the archive
  std::uint16_t method = 0;  ///< 8: deflated
  std::uint16_t flags = 0;
  std::optional<std::uint32_t> size = {};        ///< unpacked, else that of the data
  std::optional<std::uint32_t> stored = {};      ///< in the directory, else that of the data
  std::optional<std::uint32_t> local_size = {};  ///< in its own header
  std::optional<std::string> local_name = {};    ///< in its own header
  std::optional<std::uint32_t> header = {};      ///< where the directory says it starts
};

struct ZipEnd {
  std::uint16_t disk = 0;
  std::optional<std::uint16_t> count = {};
  std::optional<std::uint32_t> begin = {};
  std::optional<std::uint32_t> size = {};
  std::string comment;
  bool wide = false;  ///< with 64-bit records
};

/// The bytes of the archive.
std::string zip_bytes(const std::vector<ZipItem>& items, const ZipEnd& end = {});

/// `data` deflated without a header, as zip holds it.
std::string deflated(const std::string& data);

}  // namespace pcnet::support
