#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>

#include "pcnet/core/format.h"
#include "pcnet/report/dataset_report.h"
#include "pcnet/runtime/dataset_look.h"

#include "data_commands.h"

namespace pcnet::app {

namespace {

void run_stats(const DataSource& source, const GlobalOptions& globals) {
  const auto numbers = runtime::count_dataset(load_data_source(source, globals));
  if (!globals.json) {
    std::cout << core::cat(data::describe(numbers.files), "\n",
                           report::statistics_text(numbers.statistics, numbers.published));
    return;
  }
  nlohmann::ordered_json document = {{"dataset", numbers.files.dataset},
                                     {"split_by", numbers.files.split_by}};
  document.update(report::to_json(numbers.statistics, numbers.published));
  print_json(document);
}

}  // namespace

void add_data_stats(CLI::App& data, const GlobalOptions& globals, Action& action) {
  auto source = std::make_shared<DataSource>();
  CLI::App* command = add_command(
      data, "stats",
      "Count a dataset: splits, words, tokens, objects, mask areas; the published counts\n"
      "beside ours where the dataset is known.",
      "  pcnet data stats --root data\n"
      "  pcnet data stats --root data --dataset refcoco --split-by unc --json");
  add_data_source(*command, *source);
  command->callback([source, &globals, &action] {
    action = [source, &globals] { run_stats(*source, globals); };
  });
}

}  // namespace pcnet::app
