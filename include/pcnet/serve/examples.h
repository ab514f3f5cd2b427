#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pcnet/data/sources/dataset.h"

namespace pcnet::serve {

/// An image of a dataset with sentences about it.
struct Example {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::string png;
  std::vector<std::string> texts;
};

/// Up to `count` images of a split, spread evenly, each with the first sentence of each of its
/// objects, at most `most_texts`. Images that cannot be read are left out.
std::vector<Example> examples_of(data::Dataset& dataset, const std::string& split,
                                 std::int64_t count, std::int64_t most_texts);

}  // namespace pcnet::serve
