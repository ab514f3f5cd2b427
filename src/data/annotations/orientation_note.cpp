#include "orientation_note.h"

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/image/picture.h"

namespace pcnet::data {

std::string orientation_note(const std::filesystem::path& picture, bool apply_exif) {
  int orientation = 1;
  try {
    orientation = image::exif_orientation(picture);
  } catch (const core::Error&) {
    return {};  // whoever needs the picture says why it cannot be read
  }
  if (orientation == 1) return {};
  return core::cat(picture.string(), " has the EXIF orientation ", orientation,
                   apply_exif ? " and is turned" : " and is read as stored", " (data.exif)");
}

}  // namespace pcnet::data
