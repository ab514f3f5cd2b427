#include "custom_lines.h"

#include <algorithm>
#include <filesystem>

#include "pcnet/core/format.h"
#include "pcnet/core/json.h"

#include "json_fields.h"
#include "json_lines.h"

namespace pcnet::data {

using core::cat;
using nlohmann::json;

namespace {

const std::vector<std::string> kKeys = {"image", "sentence", "sentences", "object", "mask",
                                        "box",   "cues",     "split",     "size"};

/// A misspelt key would otherwise be a mask or a split that is silently not there.
void check_keys(const json& entry, const std::vector<std::string>& known) {
  for (const auto& [key, value] : entry.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::string near = core::nearest(key, known);
    throw EntryFault("unknown field", cat("unknown key \"", key, "\"",
                                          near.empty() ? "" : cat(", did you mean \"", near, "\"?"),
                                          "; known are ", core::join(known, ", ")));
  }
}

std::vector<std::string> texts_of(const json& value, const char* key) {
  std::vector<std::string> texts;
  if (!value.is_array()) {
    throw EntryFault("wrong type", cat("\"", key, "\" is ", shown(value), ", wanted a list"));
  }
  for (const auto& item : value) {
    if (!item.is_string()) {
      throw EntryFault("wrong type",
                       cat("\"", key, "\" holds ", shown(item), ", wanted texts alone"));
    }
    texts.push_back(item.get<std::string>());
  }
  return texts;
}

std::vector<std::string> sentences_of(const json& entry) {
  const bool one = entry.contains("sentence");
  if (one && entry.contains("sentences")) {
    throw EntryFault("wrong type", "both \"sentence\" and \"sentences\": give one of them");
  }
  if (one) return {text_field(entry, "sentence")};
  if (!entry.contains("sentences")) throw EntryFault("missing field", "no \"sentence\"");
  return texts_of(entry["sentences"], "sentences");
}

/// A list of texts for every sentence of the line, or a list of such lists, one a sentence.
void add_cues(const json& cues, std::vector<Sentence>& sentences) {
  const bool nested = cues.is_array() && !cues.empty() && cues.front().is_array();
  if (!nested) {
    const auto texts = texts_of(cues, "cues");
    for (auto& sentence : sentences) sentence.cues = texts;
    return;
  }
  if (cues.size() != sentences.size()) {
    throw EntryFault("wrong size", cat("\"cues\" has lists for ", cues.size(), " sentences, ",
                                       "there are ", sentences.size()));
  }
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    sentences[i].cues = texts_of(cues[i], "cues");
  }
}

std::string split_of(const json& entry) {
  if (!entry.contains("split")) return "train";
  const std::string& name = text_field(entry, "split");
  const bool test = name.starts_with("test") && name.size() <= 7 &&
                    name.find_first_not_of("ABC", 4) == std::string::npos;
  if (name != "train" && name != "val" && !test) {
    throw EntryFault("wrong type", cat("\"split\" is \"", name,
                                       "\", wanted train, val, test, testA, testB or testC"));
  }
  return name;
}

std::string object_of(const json& entry) {
  if (!entry.contains("object")) return {};
  const json& object = entry["object"];
  if (!object.is_string() && !object.is_number_integer()) {
    throw EntryFault("wrong type",
                     cat("\"object\" is ", shown(object), ", wanted a text or a whole number"));
  }
  return core::json_text(object);
}

image::PictureSize size_of(const json& size) {
  if (!size.is_array() || size.size() != 2 || !size[0].is_number_integer() ||
      !size[1].is_number_integer()) {
    throw EntryFault("wrong type", cat("\"size\" is ", shown(size), ", wanted [width, height]"));
  }
  return {size[1].get<std::int64_t>(), size[0].get<std::int64_t>()};
}

void read_mask(const json& mask, CustomLine& line) {
  if (mask.is_array() && !mask.empty()) {
    line.mask.rles = read_rles(mask);
    return;
  }
  if (!mask.is_object()) {
    throw EntryFault("broken mask", cat("\"mask\" is ", shown(mask),
                                        ", wanted {\"size\", \"counts\"}, a list of "
                                        "such, {\"polygons\"} or {\"png\"}"));
  }
  if (mask.contains("polygons")) {
    check_keys(mask, {"polygons"});
    if (!mask["polygons"].is_array() || mask["polygons"].empty()) {
      throw EntryFault("broken mask", cat("\"polygons\" is ", shown(mask["polygons"]),
                                          ", wanted a list of polygons"));
    }
    line.mask.polygons = read_polygons(mask["polygons"]);
  } else if (mask.contains("png")) {
    check_keys(mask, {"png"});
    line.mask_png = path_field(mask, "png");
  } else {
    check_keys(mask, {"size", "counts", "polygons", "png"});
    line.mask.rles = read_rles(mask);
  }
}

}  // namespace

CustomLine parse_custom_line(std::string_view text, std::size_t number) {
  const json entry = parse_entry(text);
  check_keys(entry, kKeys);
  CustomLine line;
  line.number = number;
  line.image = std::filesystem::path(path_field(entry, "image")).lexically_normal().string();
  if (line.image.empty()) throw EntryFault("missing field", "\"image\" is empty");
  for (auto& sentence : sentences_of(entry)) {
    line.sentences.emplace_back().text = std::move(sentence);
  }
  if (entry.contains("cues")) add_cues(entry["cues"], line.sentences);
  line.object = object_of(entry);
  line.split = split_of(entry);
  if (entry.contains("size")) line.size = size_of(entry["size"]);
  try {
    if (entry.contains("box")) line.box = box_field(entry, "box");
    if (entry.contains("mask") && !entry["mask"].is_null()) read_mask(entry["mask"], line);
  } catch (const EntryFault& fault) {
    line.outline_fault = fault;
  }
  return line;
}

}  // namespace pcnet::data
