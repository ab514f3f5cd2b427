#include "pcnet/synth/manifest.h"

#include <algorithm>
#include <system_error>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/folders.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/synth/expressions.h"
#include "pcnet/synth/facts.h"

namespace pcnet::synth {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

namespace {

ordered_json identity(const Options& options) {
  ordered_json identity = {{"format", "refsynth"},
                           {"version", kFormatVersion},
                           {"options",
                            {{"images", options.images},
                             {"seed", options.seed},
                             {"difficulty", options.difficulty},
                             {"dataset", options.dataset}}}};
  // Manifests of the short language have never named it.
  if (is_long(options)) identity["options"]["language"] = options.language;
  return identity;
}

double mean(std::int64_t sum, std::int64_t count) {
  if (count == 0) return 0;
  const std::int64_t hundredths = (sum * 200 + count) / (2 * count);  // rounded, in integers
  return static_cast<double>(hundredths) / 100.0;
}

std::size_t kinds_of(const Options& options) {
  return is_long(options) ? kKindWords.size() : kKindWords.size() - 1;
}

ordered_json split_to_json(const SplitSummary& split, const Options& options) {
  const std::int64_t sentences = split.all_sentences();
  ordered_json kinds;
  for (std::size_t kind = 0; kind < kinds_of(options); ++kind) {
    kinds[kKindWords[kind]] = split.sentences[kind];
  }
  ordered_json json = {{"images", split.images},
                       {"objects", split.objects},
                       {"refs", split.refs},
                       {"sentences", kinds},
                       {"words", split.words},
                       {"real_cues", split.real_cues},
                       {"proposals", split.proposals},
                       {"objects_per_image", mean(split.objects, split.images)},
                       {"sentences_per_image", mean(sentences, split.images)},
                       {"words_per_sentence", mean(split.words, sentences)},
                       {"real_cues_per_sentence", mean(split.real_cues, sentences)},
                       {"proposals_per_image", mean(split.proposals, split.images)},
                       {"blind_point_m",
                        {{"random_pixel", split.random_pixel},
                         {"centre_pixel", split.centre_pixel},
                         {"random_object", split.random_object}}}};
  if (!is_long(options)) return json;
  json["fewest_words"] = split.fewest_words;
  json["most_words"] = split.most_words;
  json["facts_needed"] = split.needed;
  json["unseen_combinations"] = split.unseen;
  json["blind_point_m"]["object_of_shape"] = split.object_of_shape;
  json["blind_point_m"]["object_of_attributes"] = split.object_of_attributes;
  return json;
}

SplitSummary split_from_json(const std::string& name, const ordered_json& json,
                             const Options& options) {
  SplitSummary split;
  split.name = name;
  split.images = json.at("images");
  split.objects = json.at("objects");
  split.refs = json.at("refs");
  for (std::size_t kind = 0; kind < kinds_of(options); ++kind) {
    split.sentences[kind] = json.at("sentences").at(kKindWords[kind]);
  }
  split.words = json.at("words");
  split.real_cues = json.at("real_cues");
  split.proposals = json.at("proposals");
  split.random_pixel = json.at("blind_point_m").at("random_pixel");
  split.centre_pixel = json.at("blind_point_m").at("centre_pixel");
  split.random_object = json.at("blind_point_m").at("random_object");
  if (!is_long(options)) return split;
  split.fewest_words = json.at("fewest_words");
  split.most_words = json.at("most_words");
  split.needed = json.at("facts_needed");
  split.unseen = json.at("unseen_combinations");
  split.object_of_shape = json.at("blind_point_m").at("object_of_shape");
  split.object_of_attributes = json.at("blind_point_m").at("object_of_attributes");
  return split;
}

void require_whole(const fs::path& folder, const Options& options, const ordered_json& files) {
  const auto damaged = [&](const std::string& what) {
    throw core::Error(core::cat(folder.string(), " holds this benchmark, but ", what,
                                ": remove the folder and write it again"));
  };
  for (const auto& [name, bytes] : files.items()) {
    std::error_code code;
    const auto got = fs::file_size(folder / options.dataset / name, code);
    if (code) damaged(core::cat("its file ", options.dataset, "/", name, " is missing"));
    if (got != bytes.get<std::uint64_t>()) {
      damaged(core::cat("its file ", options.dataset, "/", name, " has ", got, " bytes, not ",
                        bytes.get<std::uint64_t>()));
    }
  }
  std::error_code code;
  const auto pictures =
      static_cast<std::int64_t>(core::list_folder(folder / kPictureFolder, code).size());
  if (pictures < options.images) {
    damaged(core::cat("it has ", pictures, " images, not ", options.images));
  }
}

}  // namespace

ordered_json to_json(const Options& options, const Summary& summary) {
  ordered_json document = identity(options);
  if (is_long(options)) document["held_out"] = held_out_texts();
  for (const SplitSummary& split : summary.splits) {
    document["splits"][split.name] = split_to_json(split, options);
  }
  return document;
}

ordered_json make_manifest(const Options& options, const Summary& summary,
                           const std::map<std::string, std::uint64_t>& files) {
  ordered_json document = to_json(options, summary);
  document["files"] = files;
  return document;
}

bool is_free(const fs::path& folder, const Options& options, Summary& summary) {
  if (!fs::exists(folder)) return true;
  if (!fs::is_directory(folder)) {
    throw core::Error(core::cat(folder.string(), " exists and is no folder: choose another --out"));
  }
  if (fs::is_empty(folder)) return true;
  const fs::path path = folder / options.dataset / kManifestName;
  if (!fs::exists(path)) {
    throw core::Error(core::cat(folder.string(), " exists and holds something else (no ",
                                options.dataset, "/", kManifestName,
                                "): choose another --out or remove it"));
  }
  const auto found = core::try_parse_json<ordered_json>(core::read_file(path));
  const ordered_json wanted = identity(options);
  const auto value = [&](const char* key) { return found.value(key, ordered_json()); };
  if (!found.is_object() || !value("files").is_object() || !value("splits").is_object()) {
    throw core::Error(core::cat(path.string(), " is no manifest of a synthetic benchmark"));
  }
  for (const char* key : {"format", "version", "options"}) {
    if (value(key) == wanted.at(key)) continue;
    throw core::Error(core::cat(
        folder.string(), " holds another benchmark: its ", key, " is ", core::json_text(value(key)),
        ", wanted ", core::json_text(wanted.at(key)), ": choose another --out or remove it"));
  }
  require_whole(folder, options, found.at("files"));
  for (const auto& [name, split] : found.at("splits").items()) {
    summary.splits.push_back(split_from_json(name, split, options));
  }
  summary.already_there = true;
  return false;
}

}  // namespace pcnet::synth
