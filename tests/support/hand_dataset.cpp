#include "support/hand_dataset.h"

#include <algorithm>

#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/weights/pickle.h"

namespace pcnet::support {

namespace {

using nlohmann::json;
using weights::PickleValue;

json mask_json(const image::Mask& mask) {
  return {{"size", {mask.height, mask.width}}, {"counts", image::to_coco_string(encode(mask))}};
}

std::string instances_of(const HandDataset& dataset) {
  json document = {{"images", json::array()}, {"annotations", json::array()}};
  for (const auto& image : dataset.images) {
    document["images"].push_back({{"id", image.id},
                                  {"file_name", core::cat(image.id, ".png")},
                                  {"height", image.height},
                                  {"width", image.width}});
  }
  for (const auto& object : dataset.objects) {
    const auto found = std::find_if(dataset.images.begin(), dataset.images.end(),
                                    [&](const auto& i) { return i.id == object.image_id; });
    const image::Mask mask = rectangle_mask(found->height, found->width, object.rectangle);
    document["annotations"].push_back({{"id", object.ann_id},
                                       {"image_id", object.image_id},
                                       {"category_id", 1},
                                       {"bbox", object.rectangle},
                                       {"segmentation", mask_json(mask)}});
  }
  return pcnet::core::json_text(document);
}

PickleValue pickled(const HandDataset::Reference& reference) {
  PickleValue::List sentences;
  for (const auto& sentence : reference.sentences) {
    PickleValue::Dict entry = {{"sent_id", sentence.sent_id}, {"sent", sentence.text}};
    if (!sentence.kind.empty()) entry.emplace_back("kind", sentence.kind);
    sentences.emplace_back(std::move(entry));
  }
  return PickleValue::Dict{{"ref_id", reference.ref_id},
                           {"ann_id", reference.ann_id},
                           {"image_id", reference.image_id},
                           {"split", reference.split},
                           {"sentences", std::move(sentences)}};
}

std::string text_lines(const std::map<std::int64_t, std::vector<std::string>>& texts,
                       const char* id_key, const char* key) {
  std::string lines;
  for (const auto& [id, values] : texts) {
    lines += pcnet::core::json_text(json{{id_key, id}, {key, values}}) + "\n";
  }
  return lines;
}

std::string proposal_lines(const HandDataset& dataset) {
  std::string lines;
  for (const auto& [image_id, masks] : dataset.proposals) {
    json proposals = json::array();
    for (const auto& mask : masks) proposals.push_back({{"segmentation", mask_json(mask)}});
    lines += pcnet::core::json_text(json{{"image_id", image_id}, {"proposals", proposals}}) + "\n";
  }
  return lines;
}

}  // namespace

image::Mask rectangle_mask(std::int64_t height, std::int64_t width, const Rectangle& rectangle) {
  image::Mask mask(height, width);
  const auto& [left, top, columns, rows] = rectangle;
  for (std::int64_t y = top; y < top + rows; ++y) {
    for (std::int64_t x = left; x < left + columns; ++x) mask.at(y, x) = 1;
  }
  return mask;
}

void HandDataset::write(const std::filesystem::path& root) const {
  const auto folder = root / "toy";
  std::filesystem::create_directories(folder);
  std::filesystem::create_directories(root / "train2014");
  core::write_file_plain(folder / "instances.json", instances_of(*this));
  PickleValue::List refs;
  for (const auto& reference : references) refs.push_back(pickled(reference));
  core::write_file_plain(folder / "refs(unc).p", weights::write_pickle(std::move(refs)));
  if (!cues.empty()) {
    core::write_file_plain(folder / "cues.jsonl", text_lines(cues, "sent_id", "cues"));
  }
  if (!captions.empty()) {
    core::write_file_plain(folder / "captions.jsonl", text_lines(captions, "image_id", "captions"));
  }
  if (!proposals.empty()) {
    core::write_file_plain(folder / "proposals.jsonl", proposal_lines(*this));
  }
  for (const auto& image : images) {
    image::Picture picture(image.height, image.width);
    std::fill(picture.rgb.begin(), picture.rgb.end(), static_cast<std::uint8_t>(image.id));
    core::write_file_plain(root / "train2014" / core::cat(image.id, ".png"),
                           image::encode_png_stored(picture));
  }
}

HandDataset small_dataset() {
  HandDataset dataset;
  dataset.images = {{10, 32, 32}, {11, 24, 40}, {12, 32, 32}};
  dataset.objects = {{1, 10, {2, 2, 8, 8}},
                     {2, 10, {16, 16, 10, 6}},
                     {3, 11, {5, 5, 10, 10}},
                     {4, 12, {1, 1, 6, 6}}};
  dataset.references = {
      {100, 1, 10, "train", {{1000, "the red cup", ""}, {1001, "the left cup", ""}}},
      {101, 2, 10, "train", {{1002, "the blue plate", ""}}},
      {102, 3, 11, "train", {{1003, "the red cup", ""}, {1004, "a vase", ""}}},
      {103, 4, 12, "val", {{1005, "the green bowl", ""}}}};
  dataset.cues = {{1000, {"a cup", "a red thing"}},
                  {1001, {"on the left"}},
                  {1002, {"a plate", "a plate", "a blue thing"}},
                  {1003, {"a cup"}},
                  {1004, {"glass"}},
                  {1005, {"a bowl"}}};
  dataset.captions = {{10, {"a cup and a plate", "crockery"}},
                      {11, {"a table", "a cup", "a vase"}},
                      {12, {"a bowl"}}};
  return dataset;
}

config::DataOptions options_for(const std::filesystem::path& root) {
  config::DataOptions options;
  options.root = root.string();
  options.image_size = 32;
  return options;
}

}  // namespace pcnet::support
