#include "pcnet/runtime/dataset_look.h"

#include <algorithm>
#include <optional>

#include "pcnet/core/error.h"
#include "pcnet/core/format.h"
#include "pcnet/core/parallel.h"
#include "pcnet/core/progress.h"
#include "pcnet/core/signals.h"
#include "pcnet/data/side_files.h"
#include "pcnet/runtime/model_source.h"
#include "pcnet/text/word_tokenizer.h"

namespace pcnet::runtime {

using core::cat;

namespace {

/// Cues and proposals of a dataset, as far as they can be read.
struct SideFiles {
  std::optional<data::Cues> cues;
  std::optional<data::Proposals> proposals;

  bool has_written_cues = false;  // beside their sentences, in custom data

  data::FindCues find_cues() const {
    if (!cues && !has_written_cues) return {};
    return [this](const data::Sentence& sentence) -> const std::vector<std::string>* {
      if (!sentence.cues.empty()) return &sentence.cues;
      if (!cues) return nullptr;
      const auto found = cues->find(sentence.sent_id);
      return found == cues->end() ? nullptr : &found->second;
    };
  }
  data::FindProposals find_proposals() const {
    if (!proposals) return {};
    return [this](std::int64_t image_id) -> std::shared_ptr<const std::vector<image::Rle>> {
      const auto found = proposals->find(image_id);
      if (found == proposals->end()) return nullptr;
      return {std::shared_ptr<const void>{}, &found->second};  // not owned: `proposals` outlives it
    };
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

/// What `open` gives, if there is such a file and it can be read; else what is wrong is a fault.
template <class Open>
auto open_side_file(const std::filesystem::path& path, const char* kind, data::Faults& faults,
                    Open open) -> std::optional<decltype(open(path))> {
  if (path.empty()) return std::nullopt;
  try {
    return open(path);
  } catch (const core::Error& fault) {
    faults.add({cat("unreadable ", kind), path.string(), fault.what()});
    return std::nullopt;
  }
}

bool has_written_cues(const data::ReferIndex& index) {
  const auto has = [](const data::Sentence& sentence) { return !sentence.cues.empty(); };
  return std::any_of(
      index.references().begin(), index.references().end(), [&](const data::Reference& reference) {
        return std::any_of(reference.sentences.begin(), reference.sentences.end(), has);
      });
}

/// Opens what there is; what there is none of is a note.
SideFiles open_side_files(const data::DatasetFiles& files, const data::ReferIndex& index,
                          data::Faults& faults, data::Faults& notes) {
  SideFiles sides;
  sides.has_written_cues = has_written_cues(index);
  sides.cues = open_side_file(files.cues, "cues", faults, data::read_cues);
  sides.proposals = open_side_file(files.proposals, "proposals", faults, data::read_proposals);
  const auto& beside = files.custom.empty() ? files.refs : files.custom;
  const std::string folder = beside.parent_path().string();
  if (files.cues.empty() && !sides.has_written_cues) {
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
  DatasetCheck check;
  check.files = data::locate_dataset(config.data);
  data::Faults faults;
  data::Faults notes;
  const auto index = data::ReferIndex::load(check.files, &faults);
  const SideFiles sides = open_side_files(check.files, index, faults, notes);
  count_entries(index, check);
  const auto tokenizer = tokenizer_for(config, index, sides.find_cues());
  core::Progress progress("checking pictures", check.pictures, "pictures");
  const data::AuditParts parts = {
      .index = index,
      .files = check.files,
      .tokenizer = *tokenizer,
      .text_length = config.data.text_length,
      .cues = sides.find_cues(),
      .proposals = sides.find_proposals(),
      .decode_pictures = decode_pictures,
      .threads = core::usable_threads(static_cast<int>(config.run.threads)),
      .progress = [&](std::int64_t done) {
        core::throw_if_stopped("the check was stopped");
        progress.update(done);
      }};
  check.findings = data::audit(parts, faults, notes);
  progress.finish();
  return check;
}

DatasetNumbers count_dataset(const config::Config& config) {
  DatasetNumbers numbers;
  numbers.files = data::locate_dataset(config.data);
  const auto index = data::ReferIndex::load(numbers.files);
  SideFiles sides;
  sides.has_written_cues = has_written_cues(index);
  if (!numbers.files.cues.empty() && config.model.clip.text.tokenizer != "bpe") {
    sides.cues = data::read_cues(numbers.files.cues);
  }
  const auto tokenizer = tokenizer_for(config, index, sides.find_cues());
  numbers.statistics =
      data::count_dataset(index, *tokenizer, config.data.text_length,
                          core::usable_threads(static_cast<int>(config.run.threads)));
  numbers.published = data::compare_with_published(numbers.files.dataset, numbers.files.split_by,
                                                   numbers.statistics);
  return numbers;
}

}  // namespace pcnet::runtime
