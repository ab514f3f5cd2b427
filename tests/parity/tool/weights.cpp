#include <iostream>

#include <nlohmann/json.hpp>
#include <torch/types.h>

#include "pcnet/core/files.h"
#include "pcnet/weights/npy.h"
#include "pcnet/weights/pickle.h"
#include "pcnet/weights/weight_file.h"

#include "commands.h"

namespace pcnet::parity {

namespace {

using namespace pcnet::weights;

using nlohmann::json;

json to_json(const PickleValue& value) {
  struct Visitor {
    json operator()(PickleValue::None) const { return nullptr; }
    json operator()(bool b) const { return b; }
    json operator()(std::int64_t i) const { return i; }
    json operator()(double d) const { return {{"float", d}}; }
    json operator()(const std::string& s) const { return s; }
    json operator()(const PickleValue::Bytes& b) const {
      json codes = json::array();
      for (const char c : b.data) codes.push_back(static_cast<unsigned char>(c));
      return {{"bytes", codes}};
    }
    json operator()(const std::shared_ptr<PickleValue::List>& list) const {
      json items = json::array();
      for (const auto& item : *list) items.push_back(to_json(item));
      return items;
    }
    json operator()(const std::shared_ptr<PickleValue::Tuple>& tuple) const {
      json items = json::array();
      for (const auto& item : tuple->items) items.push_back(to_json(item));
      return {{"tuple", items}};
    }
    json operator()(const std::shared_ptr<PickleValue::Dict>& dict) const {
      json pairs = json::array();
      for (const auto& [k, v] : *dict) pairs.push_back({to_json(k), to_json(v)});
      return {{"dict", pairs}};
    }
  };
  return std::visit(Visitor(), value.value);
}

/// A pickle, as JSON and written again.
void copy_pickle(const Words& words) {
  const auto value = read_pickle(core::read_file(words.at(1)), words.at(1));
  core::write_file(words.at(2), to_json(value).dump());
  core::write_file(words.at(3), write_pickle(value));
}

/// Pairs of .npy files: read, written again.
void copy_npy(const Words& words) {
  for (std::size_t i = 1; i + 1 < words.size(); i += 2) write_npy(words[i + 1], read_npy(words[i]));
}

/// Any weight file, .pth, the key that holds the tensors.
void copy_pth(const Words& words) {
  PthLayout layout;
  if (words.size() > 3) layout = {words[3], {{"epoch", 3}, {"far", 1LL << 40}}, {"optimizer"}};
  write_pth(words.at(2), open_weights(words.at(1)).content, layout);
}

/// Any weight file as safetensors, and its format and values as JSON.
void convert_weights(const std::string& in, const std::string& out, const std::string& about) {
  const WeightFile file = open_weights(in);
  write_safetensors(out, file.content);
  json values = json::array();
  for (const auto& [name, text] : file.values) values.push_back({name, text});
  json names = json::array();
  for (const auto& [name, tensor] : file.content.tensors) names.push_back(name);
  json opaque = json::array();
  for (const auto& [name, type] : file.opaque) opaque.push_back({name, type});
  const json all = {{"container", to_string(file.container)},
                    {"names", names},
                    {"values", values},
                    {"opaque", opaque},
                    {"hidden_tensors", file.hidden_tensors}};
  core::write_file(about, all.dump());
}

/// Copies a file into tensors of float32, one after the other; the sum shows that all was read.
void load_weights(const std::string& in) {
  double sum = 0;
  std::vector<at::Tensor> loaded;
  for (const auto& [name, tensor] : open_weights(in).content.tensors) {
    loaded.push_back(torch::empty(tensor.sizes()));
    copy_weights(tensor, loaded.back());
    sum += loaded.back().sum().item<double>();
  }
  std::cout << sum << "\n";
}

}  // namespace

void add_weights(Commands& commands) {
  commands["pickle"] = copy_pickle;
  commands["npy"] = copy_npy;
  commands["safetensors"] = [](const Words& words) {
    write_safetensors(words.at(2), read_safetensors(words.at(1)));
  };
  commands["weights"] = [](const Words& words) {
    convert_weights(words.at(1), words.at(2), words.at(3));
  };
  commands["pth"] = copy_pth;
  commands["load"] = [](const Words& words) { load_weights(words.at(1)); };
}

}  // namespace pcnet::parity
