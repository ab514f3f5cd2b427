#include <iostream>
#include <limits>
#include <memory>

#include <nlohmann/json.hpp>

#include "pcnet/core/format.h"
#include "pcnet/report/dataset_report.h"
#include "pcnet/runtime/dataset_look.h"

#include "data_commands.h"

namespace pcnet::app {

namespace {

using core::cat;

constexpr std::size_t kSomeItems = 5;

struct CheckArguments {
  DataSource source;
  bool quick = false;
  bool all = false;
};

nlohmann::ordered_json document_of(const runtime::DatasetCheck& check) {
  nlohmann::ordered_json document = {{"dataset", check.files.dataset},
                                     {"split_by", check.files.split_by},
                                     {"counts",
                                      {{"pictures", check.pictures},
                                       {"objects", check.objects},
                                       {"references", check.references},
                                       {"sentences", check.sentences}}}};
  document.update(report::to_json(check.findings));
  return document;
}

void print_text(const runtime::DatasetCheck& check, std::size_t most) {
  std::cout << data::describe(check.files)
            << cat("holds       ", check.pictures, " images, ", check.objects, " objects, ",
                   check.references, " references, ", check.sentences, " sentences\n");
  std::cout << report::audit_text(check.findings, most);
  const auto faults = data::count_items(check.findings, true);
  const auto notes = data::count_items(check.findings, false);
  std::cout << (faults == 0 ? std::string("no fault found")
                            : cat(faults, faults == 1 ? " fault" : " faults"))
            << (notes == 0 ? std::string() : cat(", ", notes, notes == 1 ? " note" : " notes"))
            << "\n";
}

void run_check(const CheckArguments& arguments, const GlobalOptions& globals) {
  const auto config = load_data_source(arguments.source, globals);
  const auto check = runtime::check_dataset(config, !arguments.quick);
  if (globals.json) {
    print_json(document_of(check));
  } else {
    print_text(check, arguments.all ? std::numeric_limits<std::size_t>::max() : kSomeItems);
  }
  if (data::count_items(check.findings, true) > 0) throw ExitCode{1};
}

}  // namespace

void add_data_check(CLI::App& data, const GlobalOptions& globals, Action& action) {
  auto arguments = std::make_shared<CheckArguments>();
  CLI::App* command = add_command(
      data, "check",
      "Find every fault of a dataset: images, sizes, masks, texts, ids, leaks between\n"
      "splits, cues, proposals. Exit code 1 when there is a fault; notes are no faults.",
      "  pcnet data check --root data\n"
      "  pcnet data check --root data --dataset refcocog --split-by umd --quick\n"
      "  pcnet data check configs/refsynth/clip.yaml --root data --all");
  add_data_source(*command, arguments->source);
  command->add_flag("--quick", arguments->quick,
                    "read the sizes in the images' headers instead of decoding them");
  command->add_flag("--all", arguments->all, "list everything found, not the first of each kind");
  command->callback([arguments, &globals, &action] {
    action = [arguments, &globals] { run_check(*arguments, globals); };
  });
}

}  // namespace pcnet::app
