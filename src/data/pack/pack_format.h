#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "pcnet/data/pack/pack_key.h"

namespace pcnet::data {

// A pack is a page with the header, and the sections in this order:
//   key        JSON: what the pack was made from
//   checks     a PictureCheck for each picture
//   pictures   [count, S, S, 3] bytes, on a page's border
//   index      pictures, categories, objects, references and sentences
//   texts      every distinct text with its tokens
//   cues       rows of the texts for each sentence
//   captions   rows of the texts for each picture
//   masks      COCO strings of the objects, in the index's order
//   proposals  COCO strings and grids of each picture, in the index's order
// While it is written the magic is another one, and the sections behind the pictures are missing:
// pictures with their checks stay when the writing goes on.

static_assert(std::endian::native == std::endian::little, "packs are little-endian");

enum class Section : std::size_t {
  kKey,
  kChecks,
  kPictures,
  kIndex,
  kTexts,
  kCues,
  kCaptions,
  kMasks,
  kProposals
};
inline constexpr std::array<const char*, 9> kSectionNames = {
    "key", "checks", "pictures", "index", "texts", "cues", "captions", "masks", "proposals"};

inline constexpr std::string_view kWholeMagic = "PCNETPAK";
inline constexpr std::string_view kUnfinishedMagic = "PCNETPRT";
inline constexpr std::uint32_t kPackVersion = 2;
inline constexpr std::uint64_t kPage = 4096;

/// Where a section lies. No checksum where each of its parts has one (pictures, proposals).
struct SectionPlace {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint32_t checksum = 0;
  std::uint32_t present = 0;
};

struct PackHeader {
  std::array<char, 8> magic{};
  std::uint32_t version = kPackVersion;
  std::uint32_t checksum = 0;  // of the header behind it
  std::uint64_t pictures = 0;
  std::uint64_t picture_bytes = 0;
  std::array<SectionPlace, kSectionNames.size()> sections{};

  SectionPlace& operator[](Section section) { return sections[static_cast<std::size_t>(section)]; }
  const SectionPlace& operator[](Section section) const {
    return sections[static_cast<std::size_t>(section)];
  }
};
static_assert(std::is_trivially_copyable_v<PackHeader> && sizeof(PackHeader) <= kPage);

enum class PictureState : std::uint32_t { kMissing, kWhole, kUnreadable };

struct PictureCheck {
  PictureState state = PictureState::kMissing;
  std::uint32_t checksum = 0;
  FileStamp file;  // of the picture's file when it was read
};
static_assert(sizeof(PictureCheck) == 24);

/// The checksum that belongs into the header.
std::uint32_t header_checksum(const PackHeader& header);

constexpr std::uint64_t next_page(std::uint64_t offset) {
  return (offset + kPage - 1) / kPage * kPage;
}

}  // namespace pcnet::data
