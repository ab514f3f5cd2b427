#include "pcnet/data/cues/cue_store.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "pcnet/core/files.h"
#include "pcnet/core/folders.h"
#include "pcnet/core/json.h"
#include "pcnet/core/parallel.h"
#include "pcnet/data/annotations/digest.h"

#include "data/annotations/json_lines.h"

namespace pcnet::data {

namespace fs = std::filesystem;
using core::cat;
using core::Error;
using nlohmann::json;

namespace {

std::int64_t number_of(const std::string& key) {
  std::int64_t number = 0;
  const auto [stop, error] = std::from_chars(key.data(), key.data() + key.size(), number);
  if (error != std::errc() || stop != key.data() + key.size()) {
    throw Error(cat("its key ", core::json_text(json(key)).substr(0, 60),
                    " is no sent_id, wanted a whole number"));
  }
  return number;
}

/// The `.json` files of a folder by name.
std::vector<fs::path> documents_in(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const auto& entry : core::list_folder(folder)) {
    if (entry.path().extension() == ".json") found.push_back(entry.path());
  }
  if (found.empty()) {
    throw Error(cat("no cues in the folder ", folder.string(), ": wanted <ref_id>.json files"));
  }
  return found;
}

/// All documents, read on all cores. Of several faults the first file's is told.
CuesBySentence read_folder(const fs::path& folder) {
  const std::vector<fs::path> files = documents_in(folder);
  std::vector<CuesBySentence> parts(files.size());
  std::vector<std::string> faults(files.size());
  core::parallel_for(static_cast<std::int64_t>(files.size()), core::usable_threads(0),
                     [&](std::int64_t i) {
                       const auto at = static_cast<std::size_t>(i);
                       try {
                         const std::string text = core::read_file(files[at]);
                         parts[at] = parse_cue_document(text, files[at].string());
                       } catch (const Error& error) {
                         faults[at] = error.what();
                       }
                     });
  CuesBySentence all;
  std::unordered_map<std::int64_t, std::size_t> file_of;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (!faults[i].empty()) throw Error(faults[i]);
    for (auto& [sent_id, cues] : parts[i]) {
      const auto [place, added] = file_of.emplace(sent_id, i);
      if (!added) {
        throw Error(cat(files[i].string(), ": sent_id ", sent_id, " stands in ",
                        files[place->second].filename().string(), " too"));
      }
      all.emplace(sent_id, std::move(cues));
    }
  }
  return all;
}

}  // namespace

CuesBySentence parse_cue_lines(std::string_view text, std::string_view name,
                               TextsBySentence* texts) {
  CuesBySentence cues;
  for_each_line(text, name, [&](std::string_view line, std::size_t /*at*/, std::size_t /*number*/) {
    const json entry = core::parse_json<json>(line);
    const std::int64_t sent_id = whole_number(member(entry, "sent_id"), "sent_id");
    if (!cues.emplace(sent_id, list_of_texts(member(entry, "cues"), "cue")).second) {
      throw Error(cat("duplicate sent_id ", sent_id));
    }
    const auto sentence = entry.find("sentence");
    if (sentence == entry.end()) return;
    if (!sentence->is_string())
      throw Error(cat("sentence is ", shown(*sentence), ", wanted a text"));
    if (texts != nullptr) texts->emplace(sent_id, sentence->get<std::string>());
  });
  return cues;
}

CuesBySentence parse_cue_document(std::string_view text, std::string_view name) {
  CuesBySentence cues;
  try {
    const json document = core::parse_json<json>(text);
    if (!document.is_object()) {
      throw Error(cat("it is ", shown(document), ", wanted an object {\"<sent_id>\": [texts]}"));
    }
    for (const auto& [key, value] : document.items()) {
      const std::int64_t sent_id = number_of(key);
      std::vector<std::string> texts = list_of_texts(value, "cue");
      if (texts.size() < kCuesPerSentence) {
        throw Error(cat("sent_id ", sent_id, " has ", texts.size(), " cues, wanted at least ",
                        kCuesPerSentence));
      }
      if (!cues.emplace(sent_id, std::move(texts)).second) {
        throw Error(cat("duplicate sent_id ", sent_id));
      }
    }
  } catch (const std::exception& error) {
    throw Error(cat(name, ": ", error.what()));
  }
  return cues;
}

CueStore::CueStore(const std::filesystem::path& source) : source_(source) {
  if (fs::is_directory(source)) {
    cues_ = read_folder(source);
  } else {
    const std::string bytes = core::read_file(source);
    checksum_ = checksum_of(bytes);
    cues_ = parse_cue_lines(bytes, source.string(), &texts_);
  }
  forget_empty();
}

CueStore::CueStore(CuesBySentence cues, std::filesystem::path source)
    : source_(std::move(source)), cues_(std::move(cues)) {
  forget_empty();
}

void CueStore::forget_empty() {
  std::erase_if(cues_, [](const auto& entry) { return entry.second.empty(); });
}

const std::vector<std::string>* CueStore::find(std::int64_t sent_id) const {
  const auto found = cues_.find(sent_id);
  return found == cues_.end() ? nullptr : &found->second;
}

std::vector<std::int64_t> CueStore::sent_ids() const {
  std::vector<std::int64_t> ids;
  ids.reserve(cues_.size());
  for (const auto& entry : cues_) ids.push_back(entry.first);
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::string cue_line(std::int64_t sent_id, const std::vector<std::string>& cues,
                     const std::string& sentence) {
  using Json = nlohmann::ordered_json;
  Json line = {{"sent_id", sent_id}, {"cues", cues}};
  if (!sentence.empty()) line["sentence"] = sentence;
  return core::json_text(line);
}

std::vector<std::string> repeated_cues(const std::vector<std::string>& cues, std::size_t count) {
  std::vector<std::string> all;
  for (std::size_t k = 0; k < count && !cues.empty(); ++k) all.push_back(cues[k % cues.size()]);
  return all;
}

}  // namespace pcnet::data
