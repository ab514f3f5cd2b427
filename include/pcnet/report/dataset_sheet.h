#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "pcnet/data/sources/dataset.h"
#include "pcnet/image/picture.h"

namespace pcnet::report {

/// References of a split (REFER's rule) for people to look at, drawn at random: of different
/// pictures while there are enough. The same seed gives the same ones.
std::vector<std::size_t> draw_references(const data::ReferIndex& index, const std::string& split,
                                         std::int64_t count, std::uint64_t seed);

/// Where these ref_ids are in references(); UsageError for one that is not there.
std::vector<std::size_t> find_references(const data::ReferIndex& index,
                                         std::span<const std::int64_t> ref_ids);

/// A sheet of references, two cells each: the picture with the object outlined under its
/// expressions and their cues, and the picture with its proposals in different colours. What is not
/// there, a picture that cannot be read included, is said in its cell.
image::Picture draw_dataset_sheet(data::Dataset& dataset, std::span<const std::size_t> references);

}  // namespace pcnet::report
