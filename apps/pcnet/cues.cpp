#include <iostream>
#include <limits>
#include <memory>

#include <nlohmann/json.hpp>

#include "pcnet/core/format.h"
#include "pcnet/report/dataset_report.h"
#include "pcnet/runtime/cue_making.h"
#include "pcnet/runtime/dataset_look.h"

#include "cues_commands.h"
#include "data_source.h"

namespace pcnet::app {

namespace {

using core::cat;
using nlohmann::ordered_json;

constexpr std::size_t kSomeCues = 5;

// --- check -------------------------------------------------------------------------------------

struct CueCheckArguments {
  DataSource source;
  double tolerance = 100;  // percent
  bool all = false;
};

/// 100 * part / whole; 0 of nothing.
double percent(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

double ratio(std::int64_t part, std::int64_t whole) { return percent(part, whole) / 100; }

ordered_json document_of(const runtime::CueCheck& check) {
  const cues::Quality& quality = check.quality;
  ordered_json different = ordered_json::object();
  for (std::size_t k = 0; k < quality.by_different.size(); ++k) {
    different[std::to_string(k + 1)] = quality.by_different[k];
  }
  ordered_json document = {{"cues", check.source.string()},
                           {"sentences", quality.sentences},
                           {"with_cues", quality.with_cues},
                           {"coverage", percent(quality.with_cues, quality.sentences)},
                           {"sentences_by_different_cues", std::move(different)},
                           {"different_cues_a_sentence", ratio(quality.cues, quality.with_cues)},
                           {"words_a_cue", ratio(quality.words, quality.cues)},
                           {"words_said", percent(quality.said_words, quality.sentence_words)},
                           {"of_other_sentences", check.others}};
  document.update(report::to_json(quality.findings));
  return document;
}

void print_text(const runtime::CueCheck& check, std::size_t most) {
  const cues::Quality& quality = check.quality;
  std::vector<std::string> counts;
  for (std::size_t k = 0; k < quality.by_different.size(); ++k) {
    counts.push_back(cat(k + 1, ": ", quality.by_different[k]));
  }
  std::cout << cat("cues        ", check.source.string(), "\n")
            << cat("coverage    ", quality.with_cues, " of ", quality.sentences, " sentences\n")
            << cat("different   ", core::fixed(ratio(quality.cues, quality.with_cues), 2),
                   " a sentence (", core::join(counts, ", "), ")\n")
            << cat("length      ", core::fixed(ratio(quality.words, quality.cues), 2),
                   " words a cue\n")
            << cat("said        ",
                   core::fixed(percent(quality.said_words, quality.sentence_words), 1),
                   " % of the sentences' words, small ones aside\n");
  if (check.others > 0) {
    std::cout << cat("others      ", check.others,
                     check.others == 1 ? " entry is of a sentence" : " entries are of sentences",
                     " that this dataset does not have\n");
  }
  std::cout << report::audit_text(quality.findings, most);
  const auto faults = data::count_items(quality.findings, true);
  const auto notes = data::count_items(quality.findings, false);
  std::cout << cat(faults == 0 ? "no fault found" : cat(faults, faults == 1 ? " fault" : " faults"),
                   notes == 0 ? "" : cat(", ", notes, notes == 1 ? " note" : " notes"),
                   "; images: pcnet data show\n");
}

void run_check(const CueCheckArguments& arguments, const GlobalOptions& globals) {
  const auto check =
      runtime::check_cues(load_data_source(arguments.source, globals), arguments.tolerance / 100);
  if (globals.json) {
    print_json(document_of(check));
  } else {
    print_text(check, arguments.all ? std::numeric_limits<std::size_t>::max() : kSomeCues);
  }
  if (data::count_items(check.quality.findings, true) > 0) throw ExitCode{1};
}

void add_cues_check(CLI::App& cues, const GlobalOptions& globals, Action& action) {
  auto arguments = std::make_shared<CueCheckArguments>();
  CLI::App* command = add_command(
      cues, "check",
      "Judge a dataset's cues: coverage, words that their sentence does not have, cues that say\n"
      "the same, length, sentences that were not taken apart. Exit code 1 when there is a fault:\n"
      "a sentence without cues, a cue without words, or more notes of a kind than --tolerance.",
      "  pcnet cues check --root data\n"
      "  pcnet cues check --root data --cues Mistral_7B_Ref_Sents --tolerance 2\n"
      "  pcnet data show --root data --cues cues.jsonl    draws them with their images");
  add_data_source(*command, arguments->source);
  command
      ->add_option("--tolerance", arguments->tolerance,
                   "percent of the sentences that may have a kind of note before it is a fault")
      ->type_name("PERCENT")
      ->check(between(0, 100))
      ->capture_default_str();
  command->add_flag("--all", arguments->all, "list everything found, not the first of each kind");
  command->callback([arguments, &globals, &action] {
    action = [arguments, &globals] { run_check(*arguments, globals); };
  });
}

// --- import and export -------------------------------------------------------------------------

struct ImportArguments {
  std::string from;
  DataSource source;
  std::string out;
  bool replace = false;
};

void run_import(const ImportArguments& arguments, const GlobalOptions& globals) {
  const auto file = runtime::import_cues(load_data_source(arguments.source, globals),
                                         arguments.from, arguments.out, arguments.replace);
  leave_stdout_to(arguments.out);
  if (globals.json) {
    print_json({{"out", file.out.string()},
                {"already_there", file.already_there},
                {"sentences", file.sentences},
                {"cues", file.cues},
                {"without", file.without},
                {"of_other_sentences", file.others}});
    return;
  }
  std::cout << (file.already_there ? cat(file.out.string(), " holds these cues already\n")
                                   : cat("wrote ", file.out.string(), "\n"))
            << cat("  sentences   ", file.sentences, " with ", file.cues, " cues\n");
  if (file.without > 0) {
    std::cout << cat("  without     ", file.without, " sentences of the dataset have none there\n");
  }
  if (file.others > 0) {
    std::cout << cat("  left out    ", file.others,
                     " of sentences that the dataset does not have\n");
  }
}

void add_cues_import(CLI::App& cues, const GlobalOptions& globals, Action& action) {
  auto arguments = std::make_shared<ImportArguments>();
  CLI::App* command = add_command(
      cues, "import",
      "Turn the official folder of <ref_id>.json (Mistral_7B_Ref_Sents), or JSON lines, into\n"
      "cues.jsonl. With a dataset: its sentences alone, matched by sent_id.",
      "  pcnet cues import Mistral_7B_Ref_Sents --out cues.jsonl\n"
      "  pcnet cues import Mistral_7B_Ref_Sents --root data --dataset refcocog --split-by umd");
  command->add_option("FROM", arguments->from, "folder or file of cues")
      ->required()
      ->type_name("DIR|FILE");
  add_data_source(*command, arguments->source);
  command
      ->add_option("--out", arguments->out,
                   "file to write; default: cues.jsonl beside the annotations, or here")
      ->type_name("FILE");
  command->add_flag("--replace", arguments->replace, "write over a file with other cues");
  command->callback([arguments, &globals, &action] {
    action = [arguments, &globals] { run_import(*arguments, globals); };
  });
}

struct ExportArguments {
  DataSource source;
  std::string out;
};

void run_export(const ExportArguments& arguments, const GlobalOptions& globals) {
  const auto folder =
      runtime::export_cues(load_data_source(arguments.source, globals), arguments.out);
  if (globals.json) {
    print_json(
        {{"out", folder.out.string()}, {"files", folder.files}, {"sentences", folder.sentences}});
    return;
  }
  std::cout << cat("wrote ", folder.out.string(), ": ", folder.files, " files, ", folder.sentences,
                   " sentences\n");
}

void add_export(CLI::App& cues, const GlobalOptions& globals, Action& action) {
  auto arguments = std::make_shared<ExportArguments>();
  CLI::App* command = add_command(
      cues, "export",
      "Write a dataset's cues as the official folder: <ref_id>.json = {\"<sent_id>\": [5 cues]}.",
      "  pcnet cues export --root data --cues cues.jsonl --out Rule_Ref_Sents");
  add_data_source(*command, arguments->source);
  command->add_option("--out", arguments->out, "a new folder, or an empty one")
      ->type_name("DIR")
      ->required();
  command->callback([arguments, &globals, &action] {
    action = [arguments, &globals] { run_export(*arguments, globals); };
  });
}

// --- prompt ------------------------------------------------------------------------------------

void add_prompt(CLI::App& cues, Action& action) {
  CLI::App* command = add_command(
      cues, "prompt", "Print the built-in prompt, to change it and give it with --prompt.",
      "  pcnet cues prompt > prompt.txt\n"
      "  pcnet cues make --root data --source llm --endpoint http://localhost:8080 \\\n"
      "      --prompt prompt.txt");
  command->callback([&action] { action = [] { std::cout << cues::default_prompt(); }; });
}

}  // namespace

void add_cues(CLI::App& root, const GlobalOptions& globals, Action& action) {
  CLI::App* cues = add_command(root, "cues", "Make, judge and convert target-related cues.",
                               "  pcnet cues make --root data --out cues.jsonl\n"
                               "  pcnet cues check --root data --cues cues.jsonl\n"
                               "  pcnet cues import Mistral_7B_Ref_Sents --out cues.jsonl");
  cues->require_subcommand(1);
  add_cues_make(*cues, globals, action);
  add_cues_check(*cues, globals, action);
  add_cues_import(*cues, globals, action);
  add_export(*cues, globals, action);
  add_prompt(*cues, action);
}

}  // namespace pcnet::app
