#pragma once

#include <string>
#include <vector>

#include "command.h"

namespace pcnet::app {

/// The options that name a dataset (docs/cli.md#data); they override the `data` section.
struct DataArguments {
  std::string root;
  std::string dataset;
  std::string split_by;
  std::string images;
  std::string cues;
  std::string proposals;
  std::string pack;
};

void add_data_options(CLI::App& command, DataArguments& arguments);

/// The global overrides with those of the dataset after them.
std::vector<std::string> with_data(const GlobalOptions& globals, const DataArguments& arguments);

}  // namespace pcnet::app
