#include "pcnet/data/export/convert.h"

#include <set>
#include <sstream>
#include <unordered_map>
#include <unordered_set>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/folders.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/signals.h"
#include "pcnet/data/cues/cue_store.h"
#include "pcnet/weights/pickle.h"

namespace pcnet::data {

namespace fs = std::filesystem;
using core::cat;
using core::Error;
using nlohmann::ordered_json;
using weights::PickleValue;

namespace {

std::string line_of(const ordered_json& document) { return core::json_text(document); }

/// A list, as REFER's own reader wants it.
ordered_json rles_json(const std::vector<image::Rle>& rles) {
  ordered_json list = ordered_json::array();
  for (const auto& rle : rles) {
    list.push_back({{"size", {rle.height, rle.width}}, {"counts", image::to_coco_string(rle)}});
  }
  return list;
}

class Converter {
 public:
  Converter(Dataset& dataset, const ConvertOptions& options)
      : dataset_(dataset), index_(dataset.index()), options_(options), folder_(options.out) {}

  Conversion run() {
    counts_.out = folder_.target();
    if (options_.to == "custom") {
      write_custom();
    } else {
      write_refer();
    }
    core::throw_if_stopped("nothing was left behind");
    folder_.commit();
    return counts_;
  }

 private:
  const std::vector<std::string>* cues_of(const Sentence& sentence) {
    const std::vector<std::string>* cues =
        dataset_.has_cues() ? dataset_.cues().find(sentence.sent_id) : nullptr;
    if (cues != nullptr) ++counts_.sentences_with_cues;
    return cues;
  }

  /// True for a picture that a reader of the new tree would turn, and this one does not, or the
  /// other way round.
  bool is_rewritten(const ImageRecord& image) const {
    const bool new_turns = turns_pictures({}, /*custom=*/options_.to == "custom");
    return new_turns != dataset_.files().apply_exif &&
           image::exif_orientation(source_of(image)) != 1;
  }

  /// The picture's name below a folder of its own: as it was, unless that leads out of the folder.
  std::string own_name(const ImageRecord& image) {
    fs::path path = fs::path(image.file_name).lexically_normal();
    if (is_rewritten(image)) path.replace_extension(".png");
    std::string name = path.string();
    if (path.is_absolute() || name.starts_with("..") || !names_.insert(name).second) {
      name = cat(image.image_id, "_", path.filename().string());
      names_.insert(name);
    }
    return name;
  }

  /// Copies or links one picture to `place` below the new folder, or writes it as it is read.
  void place_picture(const ImageRecord& image, const fs::path& place) {
    core::throw_if_stopped("nothing was left behind");
    const fs::path source = source_of(image);
    const fs::path target = folder_.path() / place;
    std::error_code code;
    fs::create_directories(target.parent_path(), code);
    if (!code && is_rewritten(image)) {
      core::write_file_plain(target,
                             image::encode_png(dataset_.pictures().original(image.image_id)));
      ++counts_.rewritten_images;
    } else if (!code && options_.copy_images) {
      fs::copy_file(source, target, code);
    } else if (!code) {
      fs::create_symlink(source, target, code);
    }
    if (code) {
      throw Error(cat("cannot write the image ", target.string(), ": ", code.message()));
    }
  }

  fs::path source_of(const ImageRecord& image) const {
    const fs::path path = fs::absolute(dataset_.files().images / image.file_name);
    std::error_code code;
    fs::path whole = fs::canonical(path, code);
    if (code) {
      throw Error(
          cat("no image ", path.string(), " (image_id ", image.image_id, "): ", code.message()));
    }
    return whole;
  }

  void write_custom();
  ordered_json custom_line(const ImageRecord& image, const std::string& path,
                           const Annotation& annotation);
  void write_refer();
  std::string instances_json();
  ordered_json annotation_json(const Annotation& annotation) const;
  PickleValue reference_value(const Reference& reference, std::string& cue_lines);

  Dataset& dataset_;
  const ReferIndex& index_;
  const ConvertOptions& options_;
  core::AtomicFolder folder_;
  Conversion counts_;
  std::set<std::string> names_;                          // of pictures
  std::unordered_map<std::int64_t, std::string> paths_;  // of pictures, by image_id
  std::unordered_set<std::int64_t> drawn_;               // objects whose mask was written
};

/// What stands in every line of an object; the mask in the first alone.
ordered_json Converter::custom_line(const ImageRecord& image, const std::string& path,
                                    const Annotation& annotation) {
  ordered_json line = {
      {"image", path}, {"size", {image.width, image.height}}, {"object", annotation.ann_id}};
  if (!drawn_.insert(annotation.ann_id).second) return line;
  ++counts_.objects;
  line["box"] = annotation.box;
  if (!annotation.polygons.empty()) {
    line["mask"] = {{"polygons", annotation.polygons}};
  } else if (annotation.has_mask()) {
    line["mask"] = rles_json(annotation.rles);
    if (annotation.rles.size() == 1) line["mask"] = ordered_json(line["mask"].front());
  }
  return line;
}

void Converter::write_custom() {
  const fs::path target = fs::weakly_canonical(folder_.target());
  for (const auto& image : index_.images()) {
    if (options_.copy_images || is_rewritten(image)) {
      const std::string place = cat("pictures/", own_name(image));
      place_picture(image, place);
      paths_.emplace(image.image_id, place);
    } else {
      paths_.emplace(image.image_id, source_of(image).lexically_relative(target).string());
    }
    ++counts_.images;
  }
  std::string text;
  for (const auto& reference : index_.references()) {
    const ImageRecord& image = index_.image(reference.image_id);
    const Annotation& annotation = index_.annotation(reference.ann_id);
    ++counts_.references;
    for (const auto& sentence : reference.sentences) {
      ordered_json line = custom_line(image, paths_.at(image.image_id), annotation);
      line["sentence"] = sentence.text;
      if (const auto* cues = cues_of(sentence)) line["cues"] = *cues;
      line["split"] = reference.split;
      text += line_of(line) + "\n";
      ++counts_.sentences;
    }
  }
  for (const auto& annotation : index_.annotations()) {  // those that nothing refers to
    if (drawn_.contains(annotation.ann_id)) continue;
    const ImageRecord& image = index_.image(annotation.image_id);
    ordered_json line = custom_line(image, paths_.at(image.image_id), annotation);
    line["sentences"] = ordered_json::array();
    text += line_of(line) + "\n";
  }
  core::write_file_plain(folder_.path() / "annotations.jsonl", text);
}

ordered_json Converter::annotation_json(const Annotation& annotation) const {
  ordered_json segmentation = ordered_json::array();
  std::int64_t area = 0;
  if (annotation.has_mask()) {
    area = image::area(index_.mask(annotation));
    if (annotation.polygons.empty()) {
      segmentation = rles_json(annotation.rles);
    } else {
      segmentation = annotation.polygons;
    }
  }
  return {{"id", annotation.ann_id},
          {"image_id", annotation.image_id},
          {"category_id", annotation.category_id},
          {"segmentation", std::move(segmentation)},
          {"bbox", annotation.box},
          {"area", area},
          {"iscrowd", annotation.crowd ? 1 : 0}};
}

/// An entry a line; written piece by piece, since a document of all of them takes far more memory.
std::string Converter::instances_json() {
  std::string text = "{\"images\": [";
  const char* comma = "\n";
  for (const auto& image : index_.images()) {
    text += comma + line_of({{"id", image.image_id},
                             {"file_name", paths_.at(image.image_id)},
                             {"height", image.height},
                             {"width", image.width}});
    comma = ",\n";
    ++counts_.images;
  }
  text += "],\n\"annotations\": [";
  comma = "\n";
  for (const auto& annotation : index_.annotations()) {
    text += comma + line_of(annotation_json(annotation));
    comma = ",\n";
    ++counts_.objects;
  }
  text += "],\n\"categories\": [";
  comma = "\n";
  for (const auto& category : index_.categories()) {
    text += comma + line_of({{"id", category.category_id}, {"name", category.name}});
    comma = ",\n";
  }
  return text + "]}\n";
}

PickleValue::List words_of(const std::string& text) {
  PickleValue::List words;
  std::istringstream in(text);
  for (std::string word; in >> word;) words.emplace_back(word);
  return words;
}

PickleValue Converter::reference_value(const Reference& reference, std::string& cue_lines) {
  PickleValue::List sent_ids;
  PickleValue::List sentences;
  for (const auto& sentence : reference.sentences) {
    sent_ids.emplace_back(sentence.sent_id);
    PickleValue::Dict entry = {{"raw", sentence.text},
                               {"sent", sentence.text},
                               {"sent_id", sentence.sent_id},
                               {"tokens", words_of(sentence.text)}};
    if (!sentence.kind.empty()) entry.emplace_back("kind", sentence.kind);
    sentences.emplace_back(std::move(entry));
    if (const auto* cues = cues_of(sentence)) {
      cue_lines += cue_line(sentence.sent_id, *cues, sentence.text) + "\n";
    }
    ++counts_.sentences;
  }
  ++counts_.references;
  return PickleValue::Dict{{"ref_id", reference.ref_id},
                           {"ann_id", reference.ann_id},
                           {"category_id", index_.annotation(reference.ann_id).category_id},
                           {"file_name", paths_.at(reference.image_id)},
                           {"image_id", reference.image_id},
                           {"split", reference.split},
                           {"sent_ids", std::move(sent_ids)},
                           {"sentences", std::move(sentences)}};
}

void Converter::write_refer() {
  const DatasetFiles& files = dataset_.files();
  const fs::path place = folder_.path() / "refer" / files.dataset;
  core::ensure_writable_folder(place);
  for (const auto& image : index_.images()) {
    const std::string name = own_name(image);
    place_picture(image, fs::path("train2014") / name);
    paths_.emplace(image.image_id, name);
  }
  core::write_file_plain(place / "instances.json", instances_json());
  PickleValue::List references;
  std::string cue_lines;
  for (const auto& reference : index_.references()) {
    references.push_back(reference_value(reference, cue_lines));
  }
  const std::string split_by = files.split_by.empty() ? "unc" : files.split_by;
  core::write_file_plain(place / cat("refs(", split_by, ").p"),
                         weights::write_pickle(std::move(references)));
  if (!cue_lines.empty()) core::write_file_plain(place / "cues.jsonl", cue_lines);
}

}  // namespace

Conversion convert_dataset(Dataset& dataset, const ConvertOptions& options) {
  if (options.to != "custom" && options.to != "refer") {
    throw core::UsageError(cat("cannot convert to \"", options.to, "\": wanted custom or refer"));
  }
  if (!dataset.files().pack.empty()) {
    throw core::UsageError(cat("cannot convert the pack ", dataset.files().pack.string(),
                               ": it has no outlines and no images of full size; convert the ",
                               "dataset's own files (--root)"));
  }
  return Converter(dataset, options).run();
}

}  // namespace pcnet::data
