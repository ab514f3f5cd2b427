#include "pcnet/runtime/dataset_look.h"

#include <algorithm>
#include <memory>
#include <string>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/parallel.h"
#include "pcnet/core/signals.h"
#include "pcnet/data/cues/cue_origin.h"
#include "pcnet/data/cues/cue_store.h"
#include "pcnet/data/proposals/proposal_store.h"
#include "pcnet/data/sources/dataset.h"
#include "pcnet/runtime/dataset_opening.h"
#include "pcnet/runtime/model_source.h"
#include "pcnet/runtime/packing.h"
#include "pcnet/text/word_tokenizer.h"

#include "stage_bars.h"

namespace pcnet::runtime {

using core::cat;

namespace {

/// Cues and proposals of a dataset, as far as they can be read.
struct SideFiles {
  std::unique_ptr<data::CueStore> cues;
  std::unique_ptr<data::ProposalStore> proposals;
  bool has_written_cues = false;  // beside their sentences, in custom data

  data::FindCues find_cues() const {
    if (!cues && !has_written_cues) return {};
    return [this](const data::Sentence& sentence) -> const std::vector<std::string>* {
      return cues ? cues->find(sentence.sent_id) : &sentence.cues;  // a file replaces written ones
    };
  }
  data::FindProposals find_proposals() const {
    if (!proposals) return {};
    return [this](std::int64_t image_id) { return proposals->of(image_id); };
  }
};

/// CLIP's, or the words that training would know: those of its sentences and their cues.
std::unique_ptr<const text::Tokenizer> tokenizer_for(const config::Config& config,
                                                     const data::ReferIndex& index,
                                                     const data::FindCues& cues) {
  const auto& options = config.model.clip.text;
  if (options.tokenizer == "bpe") return make_tokenizer(options, {});
  std::vector<std::string> texts;
  for (const auto& reference : index.references()) {
    if (reference.split != "train") continue;
    for (const auto& sentence : reference.sentences) {
      texts.push_back(sentence.text);
      const auto* found = cues ? cues(sentence) : nullptr;
      if (found != nullptr) texts.insert(texts.end(), found->begin(), found->end());
    }
  }
  return make_tokenizer(options, text::WordTokenizer::from_texts(texts).words());
}

/// The store of a side file; null when there is none, or when it cannot be read, which is a fault.
template <class Store, class... Arguments>
std::unique_ptr<Store> open_store(const std::filesystem::path& path, const char* kind,
                                  data::Faults& faults, const Arguments&... arguments) {
  if (path.empty()) return nullptr;
  try {
    return std::make_unique<Store>(path, arguments...);
  } catch (const core::Error& error) {
    faults.add({cat("unreadable ", kind), path.string(), error.what()});
    return nullptr;
  }
}

/// Cues of another dataset are a fault, and are not looked at any further.
void look_at_origin(SideFiles& sides, const data::DatasetFiles& files,
                    const data::ReferIndex& index, data::Faults& faults, data::Faults& notes) {
  if (!sides.cues) return;
  const std::string unnamed = data::unnamed_cues(*sides.cues, index);
  if (!unnamed.empty()) notes.add({"cues without their sentences", files.cues.string(), unnamed});
  const auto other = data::other_sentences(*sides.cues, index, files);
  if (!other.are_foreign) return;
  faults.add({"cues of another dataset", files.cues.string(), other.what});
  sides.cues.reset();
}

/// Opens what there is; what there is none of is a note.
SideFiles open_side_files(const config::DataOptions& options, const data::DatasetFiles& files,
                          const data::ReferIndex& index, data::Faults& faults,
                          data::Faults& notes) {
  SideFiles sides;
  sides.has_written_cues = index.has_cues();
  if (options.cues == config::kCuesByRules) {
    sides.cues = std::make_unique<data::CueStore>(cues_by_rules(index));
  } else {
    sides.cues = open_store<data::CueStore>(files.cues, "cues", faults);
    look_at_origin(sides, files, index, faults, notes);
  }
  const data::ProposalStore::Options proposal_options{.filter = options.proposal_filter,
                                                      .images = files.images};
  sides.proposals = open_store<data::ProposalStore>(files.proposals, "proposals", faults, index,
                                                    proposal_options);
  const std::string folder = files.annotations.parent_path().string();
  if (files.cues.empty() && !sides.cues && !sides.has_written_cues) {
    notes.add({"no cues", folder, "no cues.jsonl lies there, and --cues names no other source"});
  }
  if (files.proposals.empty()) {
    notes.add({"no proposals", folder,
               "no proposals.jsonl lies there, and --proposals names no other source"});
  }
  return sides;
}

void count_entries(const data::ReferIndex& index, DatasetCheck& check) {
  check.pictures = static_cast<std::int64_t>(index.images().size());
  check.objects = static_cast<std::int64_t>(index.annotations().size());
  check.references = static_cast<std::int64_t>(index.references().size());
  for (const auto& reference : index.references()) {
    check.sentences += static_cast<std::int64_t>(reference.sentences.size());
  }
}

}  // namespace

DatasetCheck check_dataset(const config::Config& config, bool decode_pictures) {
  if (!config.data.pack.empty()) return check_pack(config);
  DatasetCheck check;
  check.files = data::locate_dataset(config.data);
  data::Faults faults;
  data::Faults notes;
  const auto index = data::ReferIndex::load(check.files, &faults);
  const SideFiles sides = open_side_files(config.data, check.files, index, faults, notes);
  count_entries(index, check);
  const auto tokenizer = tokenizer_for(config, index, sides.find_cues());
  StageBars bars("checking");
  const data::AuditParts parts = {
      .index = index,
      .files = check.files,
      .tokenizer = *tokenizer,
      .text_length = config.data.text_length,
      .cues = sides.find_cues(),
      .proposals = sides.find_proposals(),
      .decode_pictures = decode_pictures,
      .threads = core::usable_threads(static_cast<int>(config.run.threads)),
      .tell = [&](const std::string& what, std::int64_t done, std::int64_t total) {
        core::throw_if_stopped("the check was stopped");
        bars.update(what, done, total);
      }};
  check.findings = data::audit(parts, faults, notes);
  return check;
}

CueCheck check_cues(const config::Config& config, double tolerance) {
  data::Dataset dataset = open_dataset(config.data, data::Pictures::kUnused);
  const data::CueStore& cues = dataset.cues();
  const auto find = [&](const data::Sentence& sentence) { return cues.find(sentence.sent_id); };
  CueCheck check{.files = dataset.files(), .source = cues.source()};
  check.files.cues = cues.source();  // also those that stand beside their sentences
  const auto tokenizer = tokenizer_for(config, dataset.index(), find);
  StageBars bars("checking");
  check.quality =
      cues::look_at_cues({.index = dataset.index(),
                          .files = check.files,
                          .tokenizer = *tokenizer,
                          .text_length = config.data.text_length,
                          .cues = find,
                          .tell =
                              [&](const std::string& what, std::int64_t done, std::int64_t total) {
                                core::throw_if_stopped("the check was stopped");
                                bars.update(what, done, total);
                              }},
                         tolerance);
  check.others = static_cast<std::int64_t>(cues.size()) - check.quality.with_cues;
  return check;
}

DatasetNumbers count_dataset(const config::Config& config) {
  data::Dataset dataset = open_dataset(config.data);
  DatasetNumbers numbers;
  numbers.files = dataset.files();
  data::FindCues cues;
  if (dataset.has_cues() && config.model.clip.text.tokenizer != "bpe") {
    cues = [&](const data::Sentence& sentence) { return dataset.cues().find(sentence.sent_id); };
  }
  const auto tokenizer = tokenizer_for(config, dataset.index(), cues);
  numbers.statistics =
      data::count_dataset(dataset.index(), *tokenizer, config.data.text_length,
                          core::usable_threads(static_cast<int>(config.run.threads)));
  numbers.published = data::compare_with_published(numbers.files.dataset, numbers.files.split_by,
                                                   numbers.statistics);
  return numbers;
}

}  // namespace pcnet::runtime
