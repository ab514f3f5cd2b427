// Runs one function of the library on files, for the Python scripts beside it to compare.

#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>

#include <nlohmann/json.hpp>
#include <torch/types.h>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/image/picture.h"
#include "pcnet/image/resize.h"
#include "pcnet/image/rle.h"
#include "pcnet/weights/npy.h"
#include "pcnet/weights/pickle.h"
#include "pcnet/weights/safetensors.h"
#include "pcnet/weights/weight_file.h"

namespace {

using nlohmann::json;
namespace image = pcnet::image;
namespace weights = pcnet::weights;

json describe(const image::Rle& rle) {
  const image::Mask mask = image::decode(rle);
  return {{"counts", image::to_coco_string(rle)},
          {"area", image::area(rle)},
          {"box", image::bounding_box(rle)},
          {"again", image::to_coco_string(image::encode(mask))}};
}

/// One case a line: {"h", "w", "polygons": [[...]]} or {"h", "w", "strings": [...]}.
void run_masks(const std::string& in, const std::string& out) {
  std::istringstream lines(pcnet::core::read_file(in));
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
                   {"intersection", image::intersection(masks.front(), masks.back())}};
    for (const auto& mask : masks) answer["masks"].push_back(describe(mask));
    answers += answer.dump() + "\n";
  }
  pcnet::core::write_file(out, answers);
}

json to_json(const weights::PickleValue& value) {
  struct Visitor {
    json operator()(weights::PickleValue::None) const { return nullptr; }
    json operator()(bool b) const { return b; }
    json operator()(std::int64_t i) const { return i; }
    json operator()(double d) const { return {{"float", d}}; }
    json operator()(const std::string& s) const { return s; }
    json operator()(const weights::PickleValue::Bytes& b) const {
      json codes = json::array();
      for (const char c : b.data) codes.push_back(static_cast<unsigned char>(c));
      return {{"bytes", codes}};
    }
    json operator()(const std::shared_ptr<weights::PickleValue::List>& list) const {
      json items = json::array();
      for (const auto& item : *list) items.push_back(to_json(item));
      return items;
    }
    json operator()(const std::shared_ptr<weights::PickleValue::Tuple>& tuple) const {
      json items = json::array();
      for (const auto& item : tuple->items) items.push_back(to_json(item));
      return {{"tuple", items}};
    }
    json operator()(const std::shared_ptr<weights::PickleValue::Dict>& dict) const {
      json pairs = json::array();
      for (const auto& [k, v] : *dict) pairs.push_back({to_json(k), to_json(v)});
      return {{"dict", pairs}};
    }
  };
  return std::visit(Visitor(), value.value);
}

/// Any weight file as safetensors, and its format and values as JSON.
void convert_weights(const std::string& in, const std::string& out, const std::string& about) {
  const weights::WeightFile file = weights::open_weights(in);
  weights::write_safetensors(out, file.content);
  json values = json::array();
  for (const auto& [name, text] : file.values) values.push_back({name, text});
  json names = json::array();
  for (const auto& [name, tensor] : file.content.tensors) names.push_back(name);
  const json all = {
      {"container", weights::to_string(file.container)}, {"names", names}, {"values", values}};
  pcnet::core::write_file(about, all.dump());
}

/// Copies a file into tensors of float32, one after the other; the sum shows that all was read.
void load_weights(const std::string& in) {
  double sum = 0;
  std::vector<at::Tensor> loaded;
  for (const auto& [name, tensor] : weights::open_weights(in).content.tensors) {
    loaded.push_back(torch::empty(tensor.sizes()));
    weights::copy_weights(tensor, loaded.back());
    sum += loaded.back().sum(at::kDouble).item<double>();
  }
  std::cout << sum << "\n";
}

bool run_weights(const std::vector<std::string>& words) {
  const std::string& command = words.at(0);
  if (command == "weights") {  // any weight file, .safetensors, .json
    convert_weights(words.at(1), words.at(2), words.at(3));
  } else if (command == "pth") {  // any weight file, .pth, the key that holds the tensors
    weights::PthLayout layout;
    if (words.size() > 3) layout = {words[3], {{"epoch", 3}, {"far", 1LL << 40}}, {"optimizer"}};
    weights::write_pth(words.at(2), weights::open_weights(words.at(1)).content, layout);
  } else if (command == "load") {
    load_weights(words.at(1));
  } else {
    return false;
  }
  return true;
}

int run(const std::vector<std::string>& words) {
  const std::string& command = words.at(0);
  if (command == "masks") {
    run_masks(words.at(1), words.at(2));
  } else if (command == "decode" || command == "turn") {  // pairs of picture and .npy [H, W, 3]
    const bool turn = command == "turn";
    for (std::size_t i = 1; i + 1 < words.size(); i += 2) {
      weights::write_npy(words[i + 1],
                         image::to_tensor(image::read_picture(words[i], turn)).permute({1, 2, 0}));
    }
  } else if (command == "resize") {  // size, picture, .npy [size, size, 3], ...
    for (std::size_t i = 1; i + 2 < words.size(); i += 3) {
      const auto resized =
          image::resize_square(image::read_picture(words[i + 1]), std::stoll(words[i]));
      weights::write_npy(words[i + 2], resized.permute({1, 2, 0}));
    }
  } else if (command == "png") {  // picture, written again compressed and stored
    const auto picture = image::read_picture(words.at(1));
    image::write_png(words.at(2), picture);
    pcnet::core::write_file(words.at(3), image::encode_png_stored(picture));
  } else if (command == "npy") {  // pairs: read, written again
    for (std::size_t i = 1; i + 1 < words.size(); i += 2) {
      weights::write_npy(words[i + 1], weights::read_npy(words[i]));
    }
  } else if (command == "safetensors") {
    weights::write_safetensors(words.at(2), weights::read_safetensors(words.at(1)));
  } else if (command == "pickle") {  // as JSON, and written again
    const auto value = weights::read_pickle(pcnet::core::read_file(words.at(1)), words.at(1));
    pcnet::core::write_file(words.at(2), to_json(value).dump());
    pcnet::core::write_file(words.at(3), weights::write_pickle(value));
  } else if (!run_weights(words)) {
    std::cerr << "unknown command " << command << "\n";
    return 2;
  }
  return 0;
}

}  // namespace

int main(int count, char** words) {
  try {
    return run({words + 1, words + count});
  } catch (const std::exception& fault) {
    std::cerr << fault.what() << "\n";
    return 1;
  }
}
