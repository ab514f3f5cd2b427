#include "data_arguments.h"

#include "pcnet/config/paths.h"

namespace pcnet::app {

void add_data_options(CLI::App& command, DataArguments& arguments) {
  const auto add = [&](const char* name, std::string& into, const char* type, const char* help) {
    command.add_option(name, into, help)->type_name(type)->group("Dataset");
  };
  add("--root", arguments.root, "DIR", "dataset folder; its tree is recognised");
  add("--dataset", arguments.dataset, "refcoco|refcoco+|refcocog|refsynth|custom",
      "which of the tree's datasets");
  add("--split-by", arguments.split_by, "unc|google|umd", "partition of the dataset");
  add("--images", arguments.images, "DIR", "folder of the images, if not where the tree has it");
  add("--cues", arguments.cues, "FILE|DIR|rules",
      "file or folder of target-related cues, or `rules`: made in memory");
  add("--proposals", arguments.proposals, "FILE|DIR", "file or folder of mask proposals");
  add("--pack", arguments.pack, "FILE",
      "packed cache to read everything from (see `pcnet data pack`)");
}

std::vector<std::string> with_data(const GlobalOptions& globals, const DataArguments& arguments) {
  std::vector<std::string> overrides = globals.overrides();
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) overrides.push_back(config::assignment(key, value));
  };
  add("data.root", arguments.root);
  add("data.dataset", arguments.dataset);
  add("data.split_by", arguments.split_by);
  add("data.images", arguments.images);
  add("data.cues", arguments.cues);
  add("data.proposals", arguments.proposals);
  add("data.pack", arguments.pack);
  return overrides;
}

}  // namespace pcnet::app
