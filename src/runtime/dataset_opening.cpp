#include "pcnet/runtime/dataset_opening.h"

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/cues/rules.h"
#include "pcnet/data/annotations/digest.h"
#include "pcnet/data/pack/pack_key.h"

namespace pcnet::runtime {

namespace fs = std::filesystem;
using core::cat;
using nlohmann::ordered_json;

namespace {

/// A file or folder as it is now.
ordered_json file_read(const fs::path& path) {
  const data::SourceRecord source = data::source_of(path);
  return {{"file", source.path}, {"digest", data::digest_text(source.checksum)}};
}

ordered_json cues_read(const data::Dataset& dataset) {
  if (dataset.opened_cues() == nullptr) return nullptr;
  if (dataset.options().cues == config::kCuesByRules) return config::kCuesByRules;
  const data::CueStore& cues = *dataset.opened_cues();
  if (!cues.checksum()) return file_read(cues.source());
  return {{"file", std::filesystem::absolute(cues.source()).lexically_normal().string()},
          {"digest", data::digest_text(*cues.checksum())}};
}

}  // namespace

data::CueStore cues_by_rules(const data::ReferIndex& index) {
  data::CuesBySentence cues;
  std::int64_t count = 0;
  for (const auto& reference : index.references()) {
    for (const auto& sentence : reference.sentences) {
      auto found = cues::rule_cues(sentence.text, data::kCuesPerSentence);
      count += static_cast<std::int64_t>(found.size());
      cues.emplace(sentence.sent_id, std::move(found));
    }
  }
  core::log::info(cat("cues by rules, in memory: ", count, " for ", cues.size(), " sentences"));
  return {std::move(cues), config::kCuesByRules};
}

data::Dataset open_dataset(const config::DataOptions& options, data::Pictures pictures) {
  return data::Dataset(options, pictures, cues_by_rules);
}

data::Dataset open_dataset(const LoadedModel& loaded) {
  if (!loaded.missing.empty()) {
    throw core::Error(
        cat(loaded.checkpoint.string(), ": ", loaded.missing.front(), ": say where it is now"));
  }
  for (const auto& note : loaded.notes) core::log::info(note);
  return open_dataset(loaded.config.data);
}

ordered_json files_read(const data::Dataset& dataset) {
  const data::DatasetFiles& files = dataset.files();
  const bool by_rules = dataset.options().cues == config::kCuesByRules;
  ordered_json document = {{"cues", nullptr}, {"proposals", nullptr}, {"pack", nullptr}};
  if (files.pack.empty() || by_rules) document["cues"] = cues_read(dataset);
  if (!files.pack.empty()) {
    document["pack"] = {{"file", files.pack.string()},
                        {"digest", data::digest_text(files.pack_checksum)}};
  } else if (dataset.opened_proposals() != nullptr) {
    document["proposals"] = file_read(dataset.opened_proposals()->source());
  }
  if (!dataset.options().images.empty()) document["images"] = dataset.options().images;
  return document;
}

}  // namespace pcnet::runtime
