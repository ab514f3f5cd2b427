#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pcnet/data/sources/dataset.h"
#include "pcnet/image/overlay.h"

namespace pcnet::report {

/// The picture, or a grey one with what is wrong in `fault`.
image::Picture picture_or_grey(data::Dataset& dataset, const data::ImageRecord& record,
                               std::string& fault);

/// The lines above a picture, each a paragraph of its own, on a ground of at least `width` pixels.
image::Picture under_lines(const image::Picture& picture, const std::vector<std::string>& lines,
                           std::int64_t width);

/// Colours that differ from their neighbours in a list.
image::Colour colour_of(std::size_t number);

/// Draws masks in the colours of their places in the list, the largest first so that none is
/// hidden, with these places as numbers where they are asked for. They are fitted into `side`
/// pixels, as the picture was.
void paint_masks(image::Picture& picture, const std::vector<const image::Rle*>& masks,
                 std::int64_t side, bool numbered);

}  // namespace pcnet::report
