#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>

#include "pcnet/core/files.h"
#include "pcnet/core/format.h"
#include "pcnet/report/dataset_sheet.h"
#include "pcnet/runtime/dataset_opening.h"

#include "data_commands.h"

namespace pcnet::app {

namespace {

using core::cat;

struct DataShowArguments {
  DataSource source;
  std::vector<std::int64_t> refs;
  std::string split;
  std::int64_t count = 8;
  std::uint64_t seed = 0;
  std::string out;
};

/// The split that is shown when none is named: what training sees, if there is that.
std::string first_split(const data::ReferIndex& index) {
  const auto& references = index.references();
  for (const char* name : {"train", "val"}) {
    if (std::any_of(references.begin(), references.end(),
                    [&](const auto& reference) { return reference.split == name; })) {
      return name;
    }
  }
  return "test";
}

void run_data_show(const DataShowArguments& arguments, const GlobalOptions& globals) {
  data::Dataset dataset = runtime::open_dataset(load_data_source(arguments.source, globals).data);
  const auto& index = dataset.index();
  const bool chosen = !arguments.refs.empty();
  const std::string split = arguments.split.empty() ? first_split(index) : arguments.split;
  const auto references =
      chosen ? report::find_references(index, arguments.refs)
             : report::draw_references(index, split, arguments.count, arguments.seed);
  const std::filesystem::path out =
      arguments.out.empty() ? cat(dataset.files().dataset, "_", chosen ? "refs" : split, ".png")
                            : arguments.out;
  // Opened now: a path that cannot be written is found before the work, not after it.
  core::AtomicFile file(out);
  const image::Picture sheet = report::draw_dataset_sheet(dataset, references);
  file.write(image::encode_png(sheet));
  file.commit();
  leave_stdout_to(out.string());
  if (!globals.json) {
    std::cout << cat(out.string(), ": ", references.size(),
                     references.size() == 1 ? " reference, " : " references, ", sheet.width, " x ",
                     sheet.height, " px\n");
    return;
  }
  nlohmann::ordered_json ids = nlohmann::ordered_json::array();
  for (const auto at : references) ids.push_back(index.references()[at].ref_id);
  print_json({{"out", out.string()},
              {"width", sheet.width},
              {"height", sheet.height},
              {"ref_ids", std::move(ids)}});
}

}  // namespace

void add_data_show(CLI::App& data, const GlobalOptions& globals, Action& action) {
  auto arguments = std::make_shared<DataShowArguments>();
  CLI::App* command = add_command(
      data, "show",
      "Draw references: the object's outline under its sentences and cues, and beside it\n"
      "the proposals. Writes a PNG.",
      "  pcnet data show --root data\n"
      "  pcnet data show --root data --split val --count 20 --seed 1 --out val.png\n"
      "  pcnet data show --root data --ref 12 --ref 40");
  add_data_source(*command, arguments->source);
  auto* refs = command->add_option("--ref", arguments->refs, "this ref_id; repeatable")
                   ->type_name("ID")
                   ->allow_extra_args(false);
  command->add_option("--split", arguments->split, "draw from this split; default: train")
      ->type_name("SPLIT")
      ->excludes(refs);
  command->add_option("--count", arguments->count, "how many are drawn")
      ->type_name("N")
      ->check(CLI::Range(1, 200).description(""))
      ->capture_default_str()
      ->excludes(refs);
  command->add_option("--seed", arguments->seed, "the same seed draws the same ones")
      ->type_name("S")
      ->capture_default_str()
      ->excludes(refs);
  command->add_option("--out", arguments->out, "PNG to write; default: <dataset>_<split>.png")
      ->type_name("FILE");
  command->callback([arguments, &globals, &action] {
    action = [arguments, &globals] { run_data_show(*arguments, globals); };
  });
}

}  // namespace pcnet::app
