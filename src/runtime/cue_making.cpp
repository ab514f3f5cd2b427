#include "pcnet/runtime/cue_making.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "pcnet/core/error.h"
#include "pcnet/core/files.h"
#include "pcnet/core/folders.h"
#include "pcnet/core/format.h"
#include "pcnet/core/json.h"
#include "pcnet/core/lap.h"
#include "pcnet/core/output_path.h"
#include "pcnet/core/progress.h"
#include "pcnet/core/signals.h"
#include "pcnet/cues/rules.h"
#include "pcnet/data/cues/cue_origin.h"
#include "pcnet/data/sources/coverage.h"
#include "pcnet/data/sources/dataset.h"
#include "pcnet/runtime/dataset_opening.h"

namespace pcnet::runtime {

namespace fs = std::filesystem;
using core::cat;
using core::Error;

namespace {

/// The sentences of these splits, or all, in the dataset's order.
std::vector<const data::Sentence*> sentences_of(const data::ReferIndex& index,
                                                const std::vector<std::string>& splits) {
  std::vector<bool> wanted(index.references().size(), splits.empty());
  for (const auto& split : splits) {
    for (const auto at : index.split(split)) wanted[at] = true;
  }
  std::vector<const data::Sentence*> sentences;
  for (std::size_t at = 0; at < wanted.size(); ++at) {
    if (!wanted[at]) continue;
    for (const auto& sentence : index.references()[at].sentences) sentences.push_back(&sentence);
  }
  return sentences;
}

/// Different texts, numbered by their first appearance.
struct DifferentTexts {
  std::vector<std::string> texts;
  std::vector<std::size_t> number_of;  // of each sentence
};

DifferentTexts different_texts(const std::vector<const data::Sentence*>& sentences) {
  DifferentTexts different;
  std::unordered_map<std::string, std::size_t> numbers;
  for (const auto* sentence : sentences) {
    const auto [place, is_new] = numbers.emplace(sentence->text, different.texts.size());
    if (is_new) different.texts.push_back(sentence->text);
    different.number_of.push_back(place->second);
  }
  return different;
}

std::vector<cues::Decomposition> by_rules(const std::vector<std::string>& texts, std::size_t most) {
  std::vector<cues::Decomposition> all;
  all.reserve(texts.size());
  core::Progress progress("making cues", static_cast<std::int64_t>(texts.size()), "expressions");
  for (const auto& text : texts) {
    all.push_back({cues::rule_cues(text, most), true});
    if (all.size() % 1024 == 0) {
      core::throw_if_stopped("nothing was written");
      progress.update(static_cast<std::int64_t>(all.size()));
    }
  }
  progress.update(static_cast<std::int64_t>(all.size()));
  progress.finish();
  return all;
}

std::vector<cues::Decomposition> by_model(cues::LanguageModel& model,
                                          const std::vector<std::string>& texts) {
  const auto total = static_cast<std::int64_t>(texts.size());
  core::Progress progress("making cues", total, "expressions", total - model.open_questions(texts));
  auto all = model.decompose(
      texts, [&](std::int64_t done, const std::string& note) { progress.update(done, note); });
  progress.finish();
  return all;
}

/// Opened before the work, so that a path that cannot be written is found before it.
core::AtomicFile open_cues(const fs::path& out) {
  if (fs::is_directory(out)) {
    throw Error(cat(out.string(), " is a folder, wanted the name of a file of cues"));
  }
  return core::AtomicFile(out);
}

[[noreturn]] void refuse_other_cues(const fs::path& out) {
  throw Error(cat(out.string(),
                  " holds other cues: --replace writes over them, or choose another "
                  "file with --out"));
}

/// Whether an older file, which does not say its sentences, holds the cues of these lines.
bool holds_cues(const std::string& older, const std::string& lines, const fs::path& out) {
  data::TextsBySentence texts;
  const auto cues = data::parse_cue_lines(older, out.string(), &texts);
  return texts.empty() && cues == data::parse_cue_lines(lines, out.string());
}

/// Writes the file unless it holds the same; whether it was there already.
bool write_cues(core::AtomicFile& file, const fs::path& out, const std::string& lines,
                bool replace) {
  if (!file.is_stream() && fs::exists(out)) {
    const std::string there = core::read_file(out);
    if (there == lines) return true;
    if (!replace && !holds_cues(there, lines, out)) refuse_other_cues(out);
  }
  file.write(lines);
  file.commit();
  return false;
}

/// "cues.jsonl" -> "cues.answers.jsonl".
fs::path answers_beside(const fs::path& out) {
  fs::path answers = out;
  if (answers.extension() == ".jsonl") answers.replace_extension();
  answers += ".answers.jsonl";
  return answers;
}

fs::path usual_place(const data::DatasetFiles& files) {
  if (!files.pack.empty()) {
    throw core::UsageError("a pack has no place for cues beside it: name a file with --out");
  }
  return files.annotations.parent_path() / "cues.jsonl";
}

}  // namespace

CueFile make_cues(const config::Config& config, const CueRequest& request) {
  core::Lap watch;
  const data::Dataset dataset = open_dataset(config.data, data::Pictures::kUnused);
  const auto sentences = sentences_of(dataset.index(), request.splits);
  const DifferentTexts different = different_texts(sentences);
  CueFile file;
  file.out = request.out.empty() ? usual_place(dataset.files()) : request.out;
  file.sentences = static_cast<std::int64_t>(sentences.size());
  file.expressions = static_cast<std::int64_t>(different.texts.size());
  // Answers that are paid for are kept beside the file.
  if (request.source.name != "rules") core::require_regular_file(file.out);
  core::AtomicFile output = open_cues(file.out);
  std::vector<cues::Decomposition> found;
  if (request.source.name == "rules") {
    found = by_rules(different.texts, request.source.most);
  } else {
    cues::LanguageModelOptions options = request.source.model;
    options.judgement.most = request.source.most;
    options.answers = file.answers = answers_beside(file.out);
    cues::LanguageModel model(options);
    // Known before anything is asked, and paid for.
    const std::int64_t asks = model.open_questions(different.texts);
    if (asks > 0 && fs::exists(file.out) && !request.replace) {
      throw Error(cat(file.out.string(), " is there already, and ", asks, " of ",
                      different.texts.size(),
                      " expressions are still to be asked: --replace asks them and writes it anew, "
                      "or choose another file with --out"));
    }
    found = by_model(model, different.texts);
    file.model = model.model();
    file.tally = model.tally();
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (found[i].by_rules) file.by_rules.push_back(different.texts[i]);
    }
  }
  for (const auto& one : found) file.cues += static_cast<std::int64_t>(one.cues.size());
  std::string lines;
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    const auto& cues = found[different.number_of[i]].cues;
    (lines += data::cue_line(sentences[i]->sent_id, cues, sentences[i]->text)) += '\n';
  }
  file.already_there = write_cues(output, file.out, lines, request.replace);
  file.seconds = watch.take();
  return file;
}

std::vector<cues::Decomposition> cues_of_texts(const std::vector<std::string>& texts,
                                               const CueSource& source) {
  std::vector<cues::Decomposition> found;
  if (source.name == "rules") {
    for (const auto& text : texts) found.push_back({cues::rule_cues(text, source.most), true});
    return found;
  }
  cues::LanguageModelOptions options = source.model;
  options.judgement.most = source.most;
  cues::LanguageModel model(options);
  return by_model(model, texts);
}

CueFile import_cues(const config::Config& config, const fs::path& source, fs::path out,
                    bool replace) {
  core::Lap watch;
  const data::CueStore store(source);
  std::vector<std::int64_t> sent_ids;
  data::TextsBySentence texts = store.texts();
  CueFile file;
  if (config.data.root.empty() && config.data.pack.empty()) {
    sent_ids = store.sent_ids();
    file.out = out.empty() ? fs::path("cues.jsonl") : std::move(out);
  } else {
    const data::Dataset dataset = open_dataset(config.data, data::Pictures::kUnused);
    const auto other = data::other_sentences(store, dataset.index(), dataset.files());
    if (other.are_foreign) throw Error(cat(other.what, ": import the cues of this dataset"));
    for (const auto* sentence : sentences_of(dataset.index(), {})) {
      sent_ids.push_back(sentence->sent_id);
      texts[sentence->sent_id] = sentence->text;
    }
    file.out = out.empty() ? usual_place(dataset.files()) : std::move(out);
  }
  core::AtomicFile output = open_cues(file.out);
  std::string lines;
  for (const auto sent_id : sent_ids) {
    const auto* cues = store.find(sent_id);
    if (cues == nullptr) {
      ++file.without;
      continue;
    }
    ++file.sentences;
    file.cues += static_cast<std::int64_t>(cues->size());
    (lines += data::cue_line(sent_id, *cues, texts[sent_id])) += '\n';
  }
  file.others = static_cast<std::int64_t>(store.size()) - file.sentences;
  if (file.sentences == 0) {
    throw Error(
        cat("none of the ", store.size(), " sent_ids of ", source.string(),
            " is one of this dataset: nothing to import; are these cues of another dataset?"));
  }
  file.already_there = write_cues(output, file.out, lines, replace);
  file.seconds = watch.take();
  return file;
}

CueFolder export_cues(const config::Config& config, const fs::path& out) {
  data::Dataset dataset = open_dataset(config.data, data::Pictures::kUnused);
  const data::CueStore& cues = dataset.cues();
  core::AtomicFolder folder(out);
  CueFolder written{.out = folder.target()};
  const auto& references = dataset.index().references();
  core::Progress progress("exporting cues", static_cast<std::int64_t>(references.size()),
                          "references");
  for (const auto& reference : references) {
    core::throw_if_stopped("nothing was written");
    nlohmann::ordered_json document = nlohmann::ordered_json::object();
    for (const auto& sentence : reference.sentences) {
      const auto* found = cues.find(sentence.sent_id);
      if (found == nullptr) {
        throw Error(cat("no cues for sent_id ", sentence.sent_id, " (ref_id ", reference.ref_id,
                        ") in ", cues.source().string(),
                        ": the official folder has some for every sentence; `pcnet cues check` "
                        "lists those that lack them"));
      }
      document[std::to_string(sentence.sent_id)] =
          data::repeated_cues(*found, std::max(found->size(), data::kCuesPerSentence));
      ++written.sentences;
    }
    if (document.empty()) continue;
    core::write_file_plain(folder.path() / cat(reference.ref_id, ".json"),
                           core::json_text(document));
    progress.update(++written.files);
  }
  folder.commit();
  progress.finish();
  return written;
}

}  // namespace pcnet::runtime
