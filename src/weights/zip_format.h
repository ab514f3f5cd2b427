#pragma once

#include <cstdint>

namespace pcnet::weights {

// The records of a zip archive: signatures and sizes without their variable parts.
inline constexpr std::uint64_t kZipLocal = 0x04034b50;
inline constexpr std::uint64_t kZipLocalBytes = 30;
inline constexpr std::uint64_t kZipEntry = 0x02014b50;
inline constexpr std::uint64_t kZipEntryBytes = 46;
inline constexpr std::uint64_t kZipEnd = 0x06054b50;
inline constexpr std::uint64_t kZipEndBytes = 22;
inline constexpr std::uint64_t kZipWideEnd = 0x06064b50;
inline constexpr std::uint64_t kZipWideEndBytes = 56;
inline constexpr std::uint64_t kZipLocator = 0x07064b50;
inline constexpr std::uint64_t kZipLocatorBytes = 20;
inline constexpr std::uint64_t kZipDescriptor = 0x08074b50;

inline constexpr std::uint64_t kZipEncrypted = 1;  // flags of a member
inline constexpr std::uint64_t kZipDescribed = 8;  // its sizes and checksum follow its data
inline constexpr std::uint64_t kZipUtf8 = 0x800;
inline constexpr std::uint64_t kZipWideExtra = 1;  // the extra field with 64-bit numbers
inline constexpr std::uint64_t kZipDeflated = 8;   // method
inline constexpr std::uint64_t kZip16 = 0xffff;    // these say: look for the 64-bit number
inline constexpr std::uint64_t kZip32 = 0xffffffff;

}  // namespace pcnet::weights
