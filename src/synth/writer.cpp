#include "pcnet/synth/writer.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/data/cues/cue_store.h"
#include "pcnet/data/proposals/proposal_line.h"
#include "pcnet/synth/manifest.h"

namespace pcnet::synth {

using nlohmann::ordered_json;
using weights::PickleValue;

namespace {

double percent(double sum, std::int64_t count) {
  if (count == 0) return 0;
  return std::floor(sum / static_cast<double>(count) * 1e4 + 0.5) / 100.0;
}

void append_element(std::string& list, const ordered_json& element) {
  if (!list.empty()) list += ",\n";
  list += core::json_text(element);
}

PickleValue sentence_value(const Expression& expression, std::int64_t sentence_id) {
  PickleValue::List tokens;
  for (std::string& word : split_words(expression.text)) tokens.emplace_back(std::move(word));
  return PickleValue::Dict{{"raw", expression.text},
                           {"sent", expression.text},
                           {"sent_id", sentence_id},
                           {"tokens", std::move(tokens)},
                           {"kind", kKindWords[static_cast<std::size_t>(expression.kind)]}};
}

}  // namespace

std::string picture_name(std::int64_t image_id) {
  const std::string digits = std::to_string(image_id);
  return "refsynth_" + std::string(12 - std::min<std::size_t>(digits.size(), 12), '0') + digits +
         ".png";
}

Writer::Writer(Options options) : options_(std::move(options)) {}

SplitSummary& Writer::split_summary(const std::string& split) {
  if (summary_.splits.empty() || summary_.splits.back().name != split) {
    summary_.splits.push_back({});
    summary_.splits.back().name = split;
  }
  return summary_.splits.back();
}

void Writer::append(const Sample& sample, const std::string& split) {
  ++image_id_;
  append_element(images_, {{"id", image_id_},
                           {"file_name", picture_name(image_id_)},
                           {"height", sample.scene.side},
                           {"width", sample.scene.side}});
  std::size_t next = 0;
  for (std::size_t index = 0; index < sample.scene.objects.size(); ++index) {
    ++annotation_id_;
    const std::size_t first = next;
    while (next < sample.expressions.size() && sample.expressions[next].object == index) ++next;
    append_annotation(sample.scene.objects[index], next > first);
    if (next > first) append_ref(sample, first, next, split);
  }
  captions_ +=
      core::json_text(ordered_json{{"image_id", image_id_}, {"captions", sample.captions}}) + "\n";
  append_proposals(sample);
  count(sample, split_summary(split));
}

// The public reader of these files rasterises polygons only, and only for objects that are
// referred to: the others carry run lengths, as a list and as a string in turn, so that both
// forms of COCO occur.
void Writer::append_annotation(const Object& object, bool referred) {
  ordered_json segmentation;
  if (referred) {
    segmentation = ordered_json::array({object.polygon});
  } else {
    segmentation["size"] = {object.rle.height, object.rle.width};
    if (unreferred_++ % 2 == 0) {
      segmentation["counts"] = object.rle.counts;
    } else {
      segmentation["counts"] = image::to_coco_string(object.rle);
    }
  }
  append_element(annotations_, {{"id", annotation_id_},
                                {"image_id", image_id_},
                                {"category_id", static_cast<int>(object.attributes.shape) + 1},
                                {"segmentation", segmentation},
                                {"bbox", image::bounding_box(object.rle)},
                                {"area", image::area(object.rle)},
                                {"iscrowd", 0}});
}

void Writer::append_ref(const Sample& sample, std::size_t first, std::size_t last,
                        const std::string& split) {
  ++ref_id_;
  PickleValue::List sentence_ids;
  PickleValue::List sentences;
  for (std::size_t i = first; i < last; ++i) {
    ++sentence_id_;
    const Expression& expression = sample.expressions[i];
    sentence_ids.emplace_back(sentence_id_);
    sentences.push_back(sentence_value(expression, sentence_id_));
    cues_ += core::json_text(ordered_json{{"sent_id", sentence_id_},
                                          {"ref_id", ref_id_},
                                          {"cues", data::repeated_cues(expression.cues)},
                                          {"sentence", expression.text}}) +
             "\n";
  }
  const Attributes& attributes = sample.scene.objects[sample.expressions[first].object].attributes;
  refs_.push_back(PickleValue::Dict{{"ref_id", ref_id_},
                                    {"ann_id", annotation_id_},
                                    {"category_id", static_cast<int>(attributes.shape) + 1},
                                    {"file_name", picture_name(image_id_)},
                                    {"image_id", image_id_},
                                    {"split", split},
                                    {"sent_ids", std::move(sentence_ids)},
                                    {"sentences", std::move(sentences)}});
}

void Writer::append_proposals(const Sample& sample) {
  proposals_ += data::proposal_line(
      image_id_, {.file_name = picture_name(image_id_), .digest = sample.picture_digest},
      data::unscored(sample.proposals));
  proposals_ += "\n";
}

void Writer::count_long(const Scene& scene, const Expression& expression, std::int64_t words,
                        SplitSummary& split) {
  split.fewest_words = split.fewest_words == 0 ? words : std::min(split.fewest_words, words);
  split.most_words = std::max(split.most_words, words);
  ++split.needed.at(static_cast<std::size_t>(expression.needed - 1));
  split.unseen += expression.unseen ? 1 : 0;
  const Phrase noun{expression.phrase.shape, std::nullopt, std::nullopt, std::nullopt};
  split.object_of_shape += 1.0 / static_cast<double>(matching(scene, noun).size());
  split.object_of_attributes +=
      1.0 / static_cast<double>(matching(scene, expression.phrase).size());
}

// Blind scores are gathered as sums here; write() makes percentages of them.
void Writer::count(const Sample& sample, SplitSummary& split) const {
  const std::int64_t side = sample.scene.side;
  split.images += 1;
  split.objects += static_cast<std::int64_t>(sample.scene.objects.size());
  split.proposals += static_cast<std::int64_t>(sample.proposals.size());
  std::size_t previous = sample.scene.objects.size();
  for (const Expression& expression : sample.expressions) {
    if (expression.object != previous) ++split.refs;
    previous = expression.object;
    ++split.sentences[static_cast<std::size_t>(expression.kind)];
    const auto words = static_cast<std::int64_t>(split_words(expression.text).size());
    split.words += words;
    split.real_cues += static_cast<std::int64_t>(expression.cues.size());
    const Object& object = sample.scene.objects[expression.object];
    split.random_pixel +=
        static_cast<double>(image::area(object.rle)) / static_cast<double>(side * side);
    split.centre_pixel += object.mask.at(side / 2, side / 2);
    split.random_object += 1.0 / static_cast<double>(sample.scene.objects.size());
    if (is_long(options_)) count_long(sample.scene, expression, words, split);
  }
}

std::string Writer::instances() const {
  ordered_json info = {{"description", "refsynth, a synthetic referring benchmark"},
                       {"version", std::to_string(kFormatVersion)},
                       {"seed", options_.seed},
                       {"difficulty", options_.difficulty}};
  if (is_long(options_)) info["language"] = options_.language;
  std::string categories;
  for (std::size_t shape = 0; shape < kShapeWords.size(); ++shape) {
    append_element(categories,
                   {{"id", shape + 1}, {"name", kShapeWords[shape]}, {"supercategory", "shape"}});
  }
  return "{\"info\":" + core::json_text(info) + ",\n\"licenses\":[],\n\"images\":[\n" + images_ +
         "\n],\n\"annotations\":[\n" + annotations_ + "\n],\n\"categories\":[\n" + categories +
         "\n]}\n";
}

Summary Writer::write(const std::filesystem::path& folder) {
  for (SplitSummary& split : summary_.splits) {
    split.random_pixel = percent(split.random_pixel, split.all_sentences());
    split.centre_pixel = percent(split.centre_pixel, split.all_sentences());
    split.random_object = percent(split.random_object, split.all_sentences());
    split.object_of_shape = percent(split.object_of_shape, split.all_sentences());
    split.object_of_attributes = percent(split.object_of_attributes, split.all_sentences());
  }
  std::map<std::string, std::uint64_t> sizes;
  const auto put = [&](const std::string& name, const std::string& bytes) {
    core::write_file_plain(folder / name, bytes);
    sizes[name] = bytes.size();
  };
  put("refs(unc).p", weights::write_pickle(std::exchange(refs_, {})));
  put("instances.json", instances());
  put("cues.jsonl", cues_);
  put("captions.jsonl", captions_);
  put("proposals.jsonl", proposals_);
  core::write_file_plain(
      folder / kManifestName,
      core::json_text(make_manifest(options_, summary_, sizes), {.indent = 2}) + "\n");
  return summary_;
}

}  // namespace pcnet::synth
