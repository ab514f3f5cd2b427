#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>

#include "pcnet/core/format.h"
#include "pcnet/runtime/packing.h"

#include "data_commands.h"

namespace pcnet::app {

namespace {

using core::cat;

struct PackArguments {
  DataSource source;
  std::string out;
  bool replace = false;
};

nlohmann::ordered_json document_of(const runtime::Packing& packing, const std::string& out) {
  const data::PackSummary& holds = packing.summary;
  return {{"out", out},
          {"already_there", packing.already_there},
          {"bytes", holds.bytes},
          {"pictures", holds.pictures},
          {"unreadable", holds.unreadable},
          {"unused", holds.unused},
          {"taken_over", holds.taken_over},
          {"objects", holds.objects},
          {"references", holds.references},
          {"sentences", holds.sentences},
          {"texts", holds.texts},
          {"texts_with_unknown_words", holds.omissions.texts_with_unknown},
          {"texts_cut", holds.omissions.cut},
          {"pictures_with_proposals", holds.pictures_with_proposals},
          {"seconds", packing.seconds},
          {"key", data::to_json(packing.key)}};
}

std::string text_of(const runtime::Packing& packing, const std::string& out) {
  const data::PackSummary& holds = packing.summary;
  std::string text = packing.already_there
                         ? cat(out, " is there already and still right: nothing to do\n")
                         : cat("wrote ", out, " in ", core::human_seconds(packing.seconds), "\n");
  const auto line = [&](const char* what, const auto& value) {
    text += cat("  ", what, std::string(12 - std::string(what).size(), ' '), value, "\n");
  };
  std::string pictures =
      cat(holds.pictures, " at ", packing.key.image_size, " x ", packing.key.image_size);
  if (holds.unreadable > 0) pictures += cat(", ", holds.unreadable, " of them unreadable");
  if (holds.taken_over > 0) pictures += cat(", ", holds.taken_over, " from the run before");
  if (holds.unused > 0) pictures += cat("; ", holds.unused, " without a reference left out");
  line("size", core::human_bytes(holds.bytes));
  line("images", pictures);
  line("references", cat(holds.references, " with ", holds.sentences, " sentences"));
  line("texts", cat(holds.texts, " different ones, cues and captions included; tokens: ",
                    packing.key.vocabulary));
  line("proposals", packing.key.sources.contains("proposals")
                        ? cat("of ", holds.pictures_with_proposals, " images, on a grid of ",
                              packing.key.grid_height, " x ", packing.key.grid_width)
                        : std::string("none"));
  text += cat("use it with --pack ", out, "\n");
  return text;
}

void run_pack(const PackArguments& arguments, const GlobalOptions& globals) {
  const auto config = load_data_source(arguments.source, globals);
  const auto packing =
      runtime::pack_dataset(config, arguments.out, arguments.replace, globals.team);
  if (globals.json) {
    print_json(document_of(packing, arguments.out));
  } else {
    std::cout << text_of(packing, arguments.out);
  }
}

}  // namespace

void add_data_pack(CLI::App& data, const GlobalOptions& globals, Action& action) {
  auto arguments = std::make_shared<PackArguments>();
  CLI::App* command = add_command(
      data, "pack",
      "Write a dataset into one file that training reads without decoding: images at the\n"
      "training size, tokens, cues, proposals, ground truth. A stopped run goes on when the\n"
      "same command is given again. Give the configuration that will be trained: the pack\n"
      "depends on its image size, tokens, feature grid and proposal filter, and is refused\n"
      "when they, or the dataset's files, have changed.",
      "  pcnet data pack --root data --out data/refcoco_320.pack\n"
      "  pcnet data pack configs/refsynth/tris.yaml --root data --out refsynth.pack\n"
      "  pcnet train configs/refsynth/tris.yaml --pack refsynth.pack\n"
      "  pcnet data check --pack refsynth.pack --root data    compares it with the dataset");
  add_data_source(*command, arguments->source);
  command->add_option("--out", arguments->out, "file to write")->type_name("FILE")->required();
  command->add_flag("--replace", arguments->replace,
                    "write over a pack of other settings or an older state of the dataset");
  command->callback([arguments, &globals, &action] {
    action = [arguments, &globals] { run_pack(*arguments, globals); };
  });
}

}  // namespace pcnet::app
