#include <sstream>

#include <nlohmann/json.hpp>

#include "pcnet/core/files.h"
#include "pcnet/image/rle.h"

#include "commands.h"

namespace pcnet::parity {

namespace {

using nlohmann::json;

json describe(const image::Rle& rle) {
  const image::Mask mask = image::decode(rle);
  return {{"counts", image::to_coco_string(rle)},
          {"area", image::area(rle)},
          {"box", image::bounding_box(rle)},
          {"again", image::to_coco_string(image::encode(mask))}};
}

/// One case a line: {"h", "w", "polygons": [[...]]} or {"h", "w", "strings": [...]}.
void run_masks(const std::string& in, const std::string& out) {
  std::istringstream lines(core::read_file(in));
  std::string answers;
  for (std::string line; std::getline(lines, line);) {
    const json item = json::parse(line);
    const auto h = item["h"].get<std::int64_t>();
    const auto w = item["w"].get<std::int64_t>();
    std::vector<image::Rle> masks;
    for (const auto& polygon : item.value("polygons", json::array())) {
      masks.push_back(image::from_polygon(polygon.get<std::vector<double>>(), h, w));
    }
    for (const auto& text : item.value("strings", json::array())) {
      masks.push_back(image::from_coco_string(text.get<std::string>(), h, w));
    }
    json answer = {{"masks", json::array()},
                   {"union", describe(image::merge(masks))},
                   {"both", describe(image::merge(masks, /*intersect=*/true))},
                   {"exclusive", describe(image::exactly_one(masks))},
                   {"intersection", image::intersection(masks.front(), masks.back())}};
    for (const auto& mask : masks) answer["masks"].push_back(describe(mask));
    answers += answer.dump() + "\n";
  }
  core::write_file(out, answers);
}

}  // namespace

void add_masks(Commands& commands) {
  commands["masks"] = [](const Words& words) { run_masks(words.at(1), words.at(2)); };
}

}  // namespace pcnet::parity
