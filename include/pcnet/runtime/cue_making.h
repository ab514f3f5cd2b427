#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "pcnet/config/config.h"
#include "pcnet/cues/llm/language_model.h"
#include "pcnet/data/cues/cue_store.h"

namespace pcnet::runtime {

/// Who takes sentences apart.
struct CueSource {
  std::string name = "rules";  ///< rules or llm
  std::size_t most = data::kCuesPerSentence;
  cues::LanguageModelOptions model;  ///< of llm
};

/// What `pcnet cues make` is asked.
struct CueRequest {
  CueSource source;
  std::filesystem::path out;        ///< empty: cues.jsonl beside the annotations
  std::vector<std::string> splits;  ///< none: every sentence
  bool replace = false;
};

/// A file of cues that was made or imported.
struct CueFile {
  std::filesystem::path out;
  bool already_there = false;  ///< with the same content: nothing was written
  std::int64_t sentences = 0;
  std::int64_t expressions = 0;  ///< different texts among them
  std::int64_t cues = 0;         ///< of these
  std::int64_t without = 0;      ///< sentences of the dataset that the source has no cues for
  std::int64_t others = 0;       ///< of the source, that the dataset does not have
  double seconds = 0;
  std::string model;                  ///< of llm
  std::filesystem::path answers;      ///< of llm
  cues::Tally tally;                  ///< of llm
  std::vector<std::string> by_rules;  ///< expressions that the language model could not take apart
};

/// Makes cues for the sentences of the `data` section's dataset. A file that is there with other
/// cues is an Error, unless it is to be replaced. Interrupted by a signal, with llm: every answer
/// is kept beside `out` (<out without .jsonl>.answers.jsonl), and the next call goes on.
CueFile make_cues(const config::Config& config, const CueRequest& request);

/// The cues of single texts; answers are not kept.
std::vector<cues::Decomposition> cues_of_texts(const std::vector<std::string>& texts,
                                               const CueSource& source);

/// Cues from elsewhere (data::CueStore) as one JSON-lines file: those of the dataset's sentences in
/// its order, or all of them where no dataset is named (`data.root`, `data.pack` empty).
CueFile import_cues(const config::Config& config, const std::filesystem::path& source,
                    std::filesystem::path out, bool replace);

/// What was exported.
struct CueFolder {
  std::filesystem::path out;
  std::int64_t files = 0;
  std::int64_t sentences = 0;
};

/// The dataset's cues as the official folder: `<ref_id>.json` = {"<sent_id>": [cues, repeated up to
/// 5]}. The folder appears when it is whole. Error when a sentence has no cues.
CueFolder export_cues(const config::Config& config, const std::filesystem::path& out);

}  // namespace pcnet::runtime
