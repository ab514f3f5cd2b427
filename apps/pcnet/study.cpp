#include "pcnet/study/study.h"

#include <iostream>
#include <memory>

#include "pcnet/core/child_process.h"
#include "pcnet/core/format.h"

#include "command.h"
#include "data_arguments.h"

namespace pcnet::app {

namespace {

constexpr int kSomeRunFailed = 1;

struct StudyArguments {
  study::StudyRequest request;
  std::vector<std::string> files;
  std::string out;
  DataArguments data;
};

void print(const study::StudyOutcome& outcome, const StudyArguments& arguments,
           const GlobalOptions& globals) {
  if (globals.json) {
    nlohmann::ordered_json document = {
        {"done", outcome.done}, {"failed", outcome.failed}, {"to_do", outcome.to_do}};
    for (const auto& study : outcome.studies) {
      document["studies"].push_back(study::to_json(study));
    }
    print_json(document);
    return;
  }
  if (arguments.request.dry_run) {
    for (const auto& study : outcome.studies) {
      for (const auto& table : study.tables) {
        std::cout << table.title << "\n";
        for (const auto& line : table.lines) {
          if (!line.skipped.empty()) {
            std::cout << "  skipped  " << line.name << ": " << line.skipped << "\n";
          }
          for (const auto& run : line.runs) {
            std::cout << "  " << run.state << "  " << line.name << ", seed " << run.seed << ": "
                      << run.folder << "\n";
          }
        }
      }
    }
    std::cout << outcome.done << " runs are done, " << outcome.to_do << " to do\n";
    return;
  }
  for (const auto& study : outcome.studies) {
    std::cout << study::to_markdown(study) << "\n"
              << (study.folder / "study.md").string() << ", study.csv, study.json\n";
  }
}

void run_study(StudyArguments& arguments, const GlobalOptions& globals) {
  study::StudyRequest& request = arguments.request;
  for (const auto& file : arguments.files) request.files.emplace_back(file);
  if (!arguments.out.empty()) request.out = arguments.out;
  request.overrides = with_data(globals, arguments.data);
  request.program = core::this_program();
  const study::StudyOutcome outcome = study::run_studies(request);
  print(outcome, arguments, globals);
  if (outcome.failed > 0) throw ExitCode{kSomeRunFailed};
}

}  // namespace

void add_study(CLI::App& root, const GlobalOptions& globals, Action& action) {
  auto arguments = std::make_shared<StudyArguments>();
  study::StudyRequest& request = arguments->request;
  CLI::App* command = add_command(
      root, "study", "Train a table of settings times seeds; leaves it beside the paper's figures.",
      "  pcnet study configs/studies/refsynth_table2.yaml --root data --jobs 2\n"
      "  pcnet study configs/studies/refsynth_*.yaml --root data --dry-run\n"
      "  pcnet study configs/studies/refsynth_table3.yaml --root data --seed 3 --seed 4 \\\n"
      "      --split testA\n"
      "\n"
      "A run that two rows or two files need is trained once; a row whose masks come from "
      "elsewhere\n"
      "(eval.segmentor, eval.method) evaluates it again. A stopped study goes on when the\n"
      "same command is given again; a failed run is tried again. Tables: OUT/<file>/study.md,\n"
      ".csv and .json, written anew after every run. Runs: OUT/runs.");
  command->add_option("files", arguments->files, "study files (docs/studies.md)")
      ->type_name("CONFIG")
      ->required();
  command->add_option("--out", arguments->out, "folder of tables and runs; default: runs/studies")
      ->type_name("DIR");
  command
      ->add_option("--jobs", request.jobs, "runs trained at once, each with its share of threads")
      ->type_name("N=1")
      ->check(CLI::Range(1, 256).description(""));
  command->add_option("--seed", request.seeds, "seed, repeatable; default: the file's")
      ->type_name("S")
      ->allow_extra_args(false);
  command->add_option("--split", request.split, "split of the figures; default: the file's")
      ->type_name("SPLIT");
  command->add_flag("--dry-run", request.dry_run, "say what would be trained, write nothing");
  add_data_options(*command, arguments->data);
  command->callback([arguments, &globals, &action] {
    action = [arguments, &globals] { run_study(*arguments, globals); };
  });
}

}  // namespace pcnet::app
