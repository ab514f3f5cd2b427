// Runs one function of the library on files, for the Python scripts beside it to compare.

#include <cstring>
#include <ctime>
#include <fstream>
#include <iostream>
#include <sstream>

#include <nlohmann/json.hpp>
#include <torch/torch.h>
#include <utf8proc.h>

#include "pcnet/clip/clip.h"
#include "pcnet/core/device.h"
#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/engine/checkpoint.h"
#include "pcnet/image/normalise.h"
#include "pcnet/image/picture.h"
#include "pcnet/image/resize.h"
#include "pcnet/image/rle.h"
#include "pcnet/text/bpe_tokenizer.h"
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

template <class Answer>
void answer_lines(const std::string& in, const std::string& out, Answer answer) {
  std::istringstream lines(pcnet::core::read_file(in));
  std::ostringstream answers;
  for (std::string line; std::getline(lines, line);) {
    answer(line, answers);
    answers << "\n";
  }
  pcnet::core::write_file(out, answers.str());
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

/// A text a line, in hexadecimal. The answers: its ids; with a length, what was cut and the row.
void run_tokenize(const std::vector<std::string>& words) {
  const pcnet::text::BpeTokenizer tokenizer;
  answer_lines(words.at(1), words.at(2), [&](const std::string& line, std::ostream& answer) {
    std::vector<std::int64_t> ids;
    if (words.size() == 3) {
      ids = tokenizer.encode_words(from_hex(line));
    } else {
      const auto truncate =
          words.at(4) == "cut" ? pcnet::text::Truncate::kCut : pcnet::text::Truncate::kKeepEnd;
      const auto tokens = tokenizer.encode(from_hex(line), std::stoll(words.at(3)), truncate);
      answer << tokens.words << " " << tokens.cut << " ";
      ids = tokens.ids;
    }
    for (const auto id : ids) answer << id << " ";
  });
}

/// Ids a line; the answers are their texts in hexadecimal.
void run_detokenize(const std::string& in, const std::string& out) {
  const pcnet::text::BpeTokenizer tokenizer;
  answer_lines(in, out, [&](const std::string& line, std::ostream& answer) {
    std::istringstream numbers(line);
    std::vector<std::int64_t> ids;
    for (std::int64_t id = 0; numbers >> id;) ids.push_back(id);
    for (const char c : tokenizer.decode(ids)) {
      constexpr std::string_view digits = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      answer << digits[byte >> 4U] << digits[byte & 15U];
    }
  });
}

/// The code points that the library's Unicode tables know, as ranges "first last".
void run_assigned(const std::string& out) {
  std::ostringstream ranges;
  bool inside = false;
  for (int c = 0; c <= 0x110000; ++c) {
    const bool assigned = c < 0x110000 && utf8proc_category(c) != UTF8PROC_CATEGORY_CN;
    if (assigned && !inside) ranges << c << " ";
    if (!assigned && inside) ranges << c - 1 << "\n";
    inside = assigned;
  }
  pcnet::core::write_file(out, ranges.str());
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

pcnet::clip::Clip load_clip(const std::string& architecture, const std::string& resolution,
                            const std::string& path) {
  auto options = pcnet::config::clip_architecture(architecture);
  options.visual.resolution = std::stoll(resolution);
  pcnet::clip::Clip clip(options, /*vocabulary_size=*/49408);
  const auto file = weights::read_safetensors(path);
  pcnet::engine::load_state_dict(*clip, {file.tensors.begin(), file.tensors.end()}, path);
  clip->eval();
  return clip;
}

/// Architecture, resolution of its positions, weights, inputs, outputs. Each input `images.X` gives
/// `X.layer4` and the like and `X.pool`; each `tokens.X` gives `X.text`.
void run_clip(const std::vector<std::string>& words) {
  const torch::NoGradGuard no_grad;
  pcnet::clip::Clip clip = load_clip(words.at(1), words.at(2), words.at(3));
  weights::TensorFile answers;
  for (const auto& [name, input] : weights::read_safetensors(words.at(4)).tensors) {
    const std::string after = name.substr(name.find('.') + 1) + ".";
    if (name.starts_with("tokens.")) {
      answers.tensors.emplace_back(after + "text", clip->encode_text(input));
      continue;
    }
    const auto features = clip->visual()->features(input);
    for (const auto& [layer, value] : features) answers.tensors.emplace_back(after + layer, value);
    answers.tensors.emplace_back(after + "pool", clip->visual()->pool(features.at("layer4")));
  }
  weights::write_safetensors(words.at(5), answers);
}

/// Architecture, resolution, weights; what the network holds then is written to the last file.
void run_clip_weights(const std::vector<std::string>& words) {
  const pcnet::clip::Clip clip = load_clip(words.at(1), words.at(2), words.at(3));
  weights::TensorFile held;
  for (const auto& item : pcnet::engine::state_dict(*clip)) held.tensors.push_back(item);
  weights::write_safetensors(words.at(4), held);
}

/// Size, repeats, pictures: processor seconds a picture of each part of the pre-processing, as
/// JSON.
void run_timing(const std::vector<std::string>& words) {
  const auto size = std::stoll(words.at(1));
  const auto repeats = std::stoll(words.at(2));
  const auto options = torch::TensorOptions(at::kFloat);
  std::clock_t decode = 0, resize = 0, normalise = 0;
  for (long long repeat = -1; repeat < repeats; ++repeat) {
    if (repeat == 0) decode = resize = normalise = 0;  // the first round warms up
    for (std::size_t i = 3; i < words.size(); ++i) {
      const std::clock_t start = std::clock();
      const auto picture = image::read_picture(words[i]);
      const std::clock_t decoded = std::clock();
      const auto resized = image::resize_square(picture, size);
      const std::clock_t stretched = std::clock();
      const auto input = image::normalise(resized.unsqueeze(0), options);
      decode += decoded - start;
      resize += stretched - decoded;
      normalise += std::clock() - stretched;
    }
  }
  const auto seconds = [&](std::clock_t ticks) {
    return static_cast<double>(ticks) / CLOCKS_PER_SEC / static_cast<double>(repeats) /
           static_cast<double>(words.size() - 3);
  };
  std::cout << json{{"decode", seconds(decode)},
                    {"resize", seconds(resize)},
                    {"normalise", seconds(normalise)}}
            << "\n";
}

/// Size, picture, .npy: what the network sees, [3, size, size] float32.
void run_input(const std::vector<std::string>& words) {
  const auto bytes =
      image::resize_square(image::read_picture(words.at(2)), std::stoll(words.at(1)));
  weights::write_npy(words.at(3), image::normalise(bytes.unsqueeze(0), at::kFloat).squeeze(0));
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
    sum += loaded.back().sum().item<double>();
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

/// Prints the most memory that was ever resident, as the kernel tells it.
void print_peak() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) std::cout << line << "\n";
  }
}

int run(const std::vector<std::string>& words) {
  const std::string& command = words.at(0);
  if (command == "peak") {  // another command
    const int code = run({words.begin() + 1, words.end()});
    print_peak();
    return code;
  }
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
  } else if (command == "input") {
    run_input(words);
  } else if (command == "time-pictures") {
    run_timing(words);
  } else if (command == "clip") {
    run_clip(words);
  } else if (command == "clip-weights") {
    run_clip_weights(words);
  } else if (command == "pickle") {  // as JSON, and written again
    const auto value = weights::read_pickle(pcnet::core::read_file(words.at(1)), words.at(1));
    pcnet::core::write_file(words.at(2), to_json(value).dump());
    pcnet::core::write_file(words.at(3), weights::write_pickle(value));
  } else if (command == "tokenize") {
    run_tokenize(words);
  } else if (command == "detokenize") {
    run_detokenize(words.at(1), words.at(2));
  } else if (command == "assigned") {
    run_assigned(words.at(1));
  } else if (!run_weights(words)) {
    std::cerr << "unknown command " << command << "\n";
    return 2;
  }
  return 0;
}

}  // namespace

int main(int count, char** words) {
  try {
    pcnet::core::set_threads(1);
    return run({words + 1, words + count});
  } catch (const std::exception& fault) {
    std::cerr << fault.what() << "\n";
    return 1;
  }
}
