#include "pcnet/serve/examples.h"

#include <algorithm>
#include <map>

#include "pcnet/core/error.h"
#include "pcnet/core/log.h"

namespace pcnet::serve {

std::vector<Example> examples_of(data::Dataset& dataset, const std::string& split,
                                 std::int64_t count, std::int64_t most_texts) {
  const auto& index = dataset.index();
  std::vector<std::int64_t> images;  // in the split's order
  std::map<std::int64_t, std::vector<std::string>> texts;
  for (const std::size_t place : index.split(split)) {
    const data::Reference& reference = index.references()[place];
    auto& own = texts[reference.image_id];
    if (own.empty()) images.push_back(reference.image_id);
    if (reference.sentences.empty() || static_cast<std::int64_t>(own.size()) == most_texts)
      continue;
    own.push_back(reference.sentences.front().text);
  }
  std::vector<Example> examples;
  const auto all = static_cast<std::int64_t>(images.size());
  const auto taken = std::min(all, count);
  for (std::int64_t i = 0; i < taken; ++i) {
    const std::int64_t image = images[static_cast<std::size_t>(i * all / taken)];
    try {
      const image::Picture picture = dataset.pictures().original(image);
      examples.push_back({picture.height, picture.width, image::encode_png(picture), texts[image]});
    } catch (const core::Error& error) {
      core::log::warning(error.what());
    }
  }
  return examples;
}

}  // namespace pcnet::serve
