#include <iostream>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "pcnet/core/format.h"
#include "pcnet/core/log.h"
#include "pcnet/data/export/convert.h"
#include "pcnet/runtime/dataset_opening.h"

#include "command.h"
#include "data_source.h"

namespace pcnet::app {

namespace {

struct ConvertArguments {
  DataSource source;
  std::string to;
  std::string out;
  bool copy_images = false;
};

void run_convert(const ConvertArguments& arguments, const GlobalOptions& globals) {
  data::Dataset dataset = runtime::open_dataset(load_data_source(arguments.source, globals).data);
  core::log::info(data::describe(dataset.files()));
  const data::Conversion done =
      data::convert_dataset(dataset, {arguments.to, arguments.out, arguments.copy_images});
  if (globals.json) {
    print_json({{"out", done.out.string()},
                {"to", arguments.to},
                {"images", done.images},
                {"rewritten_images", done.rewritten_images},
                {"objects", done.objects},
                {"references", done.references},
                {"sentences", done.sentences},
                {"sentences_with_cues", done.sentences_with_cues}});
    return;
  }
  const std::string rewritten =
      done.rewritten_images == 0 ? ""
                                 : core::cat(" (", done.rewritten_images,
                                             " with an EXIF orientation as PNG, as they are read)");
  std::cout << core::cat("wrote ", done.out.string(), ": ", done.images, " images", rewritten, ", ",
                         done.objects, " objects, ", done.references, " of them referred to by ",
                         done.sentences, " sentences (", done.sentences_with_cues, " with cues)\n");
}

}  // namespace

void add_data_convert(CLI::App& data, const GlobalOptions& globals, Action& action) {
  CLI::App* command = add_command(
      data, "convert", "Write a dataset as custom JSON lines or as REFER's files.",
      "  pcnet data convert --to custom --out own coco --dataset refcoco --split-by unc\n"
      "  pcnet data convert --to refer --out tree own --copy-images");
  auto arguments = std::make_shared<ConvertArguments>();
  command->add_option("--to", arguments->to, "form of the annotations")
      ->type_name("custom|refer")
      ->required();
  command->add_option("--out", arguments->out, "folder to create; it must not hold anything")
      ->type_name("DIR")
      ->required();
  command->add_flag("--copy-images", arguments->copy_images,
                    "copy the images; else they are linked by path");
  add_data_source(*command, arguments->source);
  command->callback([arguments, &globals, &action] {
    action = [=, &globals] { run_convert(*arguments, globals); };
  });
}

}  // namespace pcnet::app
